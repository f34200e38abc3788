"""The page needs nothing but itself, and names in it stay text."""

import pytest
from hypothesis import given

from tests.reporting.hostile import NAMES, TEXT
from tests.reporting.pages import Page, checked
from trueup.reporting.blocks import Block, Chart, Column, Report, Table, Text, Verdict
from trueup.reporting.charts import bars, lines
from trueup.reporting.html import render_html
from trueup.reporting.pictures import MISSING, can_draw
from trueup.reporting.wording import visible


def everything(name: str) -> Report:
    blocks: tuple[Block, ...] = (
        Verdict(name, "fail", (name,)),
        Table((Column(name), Column("n", "number")), ((name, 1.5), (None, 2)), name),
        Table((Column("a"),), (), name, name),
        Text(name),
        Text(name, verbatim=True),
    )
    return Report(name, blocks)


@given(TEXT)
def test_no_name_is_more_than_text(name: str) -> None:
    seen = checked(render_html(everything(name)))
    if name.strip():
        assert visible(name, lines=True).replace("\r", "\n") in seen.texts or "\n" in name


@pytest.mark.skipif(not can_draw(), reason="the extra report is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_no_name_in_a_picture_is_more_than_text(name: str) -> None:
    charts = (bars(name, {name: 1.0, "b": 2.0}, unit=name), lines(name, {name: [(0, 1), (1, 2)]}))
    seen = checked(render_html(Report("r", charts)))
    assert seen.tags.count("svg") == 2


@pytest.mark.skipif(not can_draw(), reason="the extra report is not installed")
def test_pictures_of_one_page_do_not_share_their_ids() -> None:
    clipped = {"mark": {"type": "line", "clip": True}}
    charts = [lines("l", {"a": [(0, 1), (1, 2)]}) for _ in range(3)]
    seen = checked(
        render_html(Report("r", tuple(Chart("l", each.spec | clipped, "") for each in charts)))
    )
    ids = [value for name, value in seen.attributes if name == "id"]
    assert ids
    assert len(set(ids)) == len(ids)
    used = {value for _, value in seen.attributes if value and value.startswith("url(#")}
    assert used == {f"url(#{each})" for each in ids}


def test_where_pictures_cannot_be_drawn_the_letters_stay_and_how_to_get_them_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trueup.reporting.html.can_draw", lambda: False)
    page = render_html(Report("r", (bars("b", {"a": 2.0}),)))
    seen = checked(page)
    assert "█" in page
    assert MISSING in seen.texts
    assert "svg" not in seen.tags


def test_a_verdict_says_its_word_in_letters_not_by_its_colour_alone() -> None:
    seen = Page(render_html(Report("r", (Verdict("late", "inconclusive"),))))
    assert "".join(seen.texts).count("late: ? inconclusive") == 1


def test_each_cell_carries_its_heading_for_where_there_is_no_room_for_columns() -> None:
    seen = Page(render_html(Report("r", (Table((Column("loss", unit="s"),), (("x",),)),))))
    assert ("data-label", "loss (s)") in seen.attributes
