"""Markdown keeps every name in its cell."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from trueup.reporting.blocks import Chart, Column, Report, Table, Text, Verdict
from trueup.reporting.markdown import escaped, render_markdown
from trueup.reporting.wording import visible

HOSTILE = st.text(
    st.one_of(
        st.sampled_from(list("|`\\\n\r<>&*_[]()#~!@{}-+=1.$^ \t")),
        st.sampled_from(["\x1b", "\u202e", "\u2028", "\x00", "\u200b"]),
        st.characters(codec="utf-8"),
    ),
    max_size=30,
)


def parsed(markdown: str) -> list[Token]:
    return (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    )


def shown(inline: Token) -> str:
    """What a reader sees of an inline token made of text alone."""
    for child in inline.children or []:
        assert child.type in {"text", "text_special"} or child.content == "<!-- -->", child
    return "".join(c.content for c in inline.children or [] if c.content != "<!-- -->")


@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=4))
@example([("a|b", "`|`")])
@example([("a\\", "|")])
@example([("<script>", "</table>")])
def test_no_name_breaks_out_of_its_cell(rows: list[tuple[str, str]]) -> None:
    table = Table((Column("name"), Column("value")), tuple(rows))
    tokens = parsed(render_markdown(Report("", (table,))))
    assert tokens[0].type == "table_open"
    assert tokens[-1].type == "table_close"
    cells = [t for t in tokens if t.type == "inline"][2:]
    assert [shown(cell).strip() for cell in cells] == [
        visible(name).strip() for row in rows for name in row
    ]


@given(HOSTILE, HOSTILE)
def test_titles_and_texts_hold_nothing_but_text(title: str, text: str) -> None:
    tokens = parsed(render_markdown(Report(title, (Text(text), Verdict(title, "fail", (text,))))))
    assert {t.type for t in tokens} <= {
        "heading_open",
        "heading_close",
        "paragraph_open",
        "paragraph_close",
        "bullet_list_open",
        "bullet_list_close",
        "list_item_open",
        "list_item_close",
        "inline",
    }
    for inline in (t for t in tokens if t.type == "inline"):
        for child in inline.children or []:
            assert child.type in {
                "text",
                "text_special",
                "softbreak",
                "strong_open",
                "strong_close",
            } or (child.type, child.content) == ("html_inline", "<!-- -->")


@given(st.text(st.sampled_from("`~a\n "), max_size=40))
def test_no_log_ends_the_fence_around_it(text: str) -> None:
    tokens = parsed(render_markdown(Report("", (Text(text, verbatim=True), Chart("", {}, text)))))
    assert [t.type for t in tokens] == ["fence", "fence"]


@given(HOSTILE)
def test_no_name_calls_a_person(name: str) -> None:
    assert not re.search(r"@(?!<!-- -->)", escaped(name))


def test_numbers_stand_to_the_right() -> None:
    table = Table((Column("metric"), Column("new", "number", unit="s")), (("loss", 0.25),))
    assert render_markdown(Report("Run", (table,))) == (
        "## Run\n\n| metric | new \\(s\\) |\n|---|---:|\n| loss | 0.25 |\n"
    )


@pytest.mark.parametrize(("word", "sign"), [("pass", "✅"), ("fail", "❌"), ("inconclusive", "❔")])
def test_a_verdict_shows_its_word_and_reasons(word: str, sign: str) -> None:
    verdict = Verdict("roc_auc", word, ("0.6 < 0.7",))  # type: ignore[arg-type]  # each in turn
    expected = f"{sign} **roc\\_auc: {word}**\n\n- 0.6 &lt; 0.7\n"
    assert render_markdown(Report("", (verdict,))) == expected


def test_a_table_without_rows_says_so() -> None:
    table = Table((Column("run"),), (), title="Runs", empty="no runs yet")
    assert render_markdown(Report("", (table,))) == "**Runs**\n\nno runs yet\n"
