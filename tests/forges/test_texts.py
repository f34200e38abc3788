"""No text breaks out of a cell, a mark, a fence or a title, and what is too long ends well."""

import re

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from trueup.forges.fitting import (
    GITHUB_MOST,
    TITLE_MOST,
    fitted,
    length,
    titled,
    without_commands,
)
from trueup.forges.markers import Marker, marked, marker_of
from trueup.reporting.blocks import Column, Report, Table, Text, Verdict
from trueup.reporting.markdown import render_markdown
from trueup.reporting.wording import visible

PIECES = [
    "|", "`", "```", "~~~", "\n", "\r", "\r\n", "\t", "<", ">", "<!--", "-->", "--", "-", "::",
    "::error::", "@team", "#1", "!1", "\\", "</details>", "<details>", "<script>", "&lt;", "&",
    "/close", "/merge", "[x](javascript:y)", "![i](u)", "<!-- trueup:report -->", "# h", "- ",
    "1. ", "> ", "***", "$x$", "é", "\u202e", "\u200b", "😀", "\x1b[2J", "\u2028", " ", "%", "",
]  # fmt: skip
NASTY = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join)
PARSER = MarkdownIt("commonmark").enable("table")


def texts(tokens: list[Token]) -> list[str]:
    """Return what each piece of inline text shows, and demand that it holds text alone."""
    found = []
    for token in tokens:
        if token.type == "inline":
            shown = []
            for child in token.children or []:
                invisible = child.type == "html_inline" and child.content == "<!-- -->"
                assert child.type in ("text", "text_special") or invisible, child
                shown.append("" if invisible else child.content)
            found.append("".join(shown))
    return found


@given(NASTY, NASTY)
def test_no_text_leaves_its_cell(first: str, second: str) -> None:
    table = Table((Column("a"), Column("b")), ((first, second), ("end", "end")))
    body = marked(Marker("report"), render_markdown(Report("", (table,))))
    tokens = PARSER.parse(without_commands(body))
    assert sum(token.type == "tr_open" for token in tokens) == 3
    assert sum(token.type == "td_open" for token in tokens) == 4
    shown = texts(tokens)
    assert [part.strip() for part in shown] == [
        "a", "b", visible(first).strip(), visible(second).strip(), "end", "end"
    ]  # fmt: skip


@given(NASTY)
def test_no_text_leaves_its_paragraph_or_its_verdict(text: str) -> None:
    report = Report("", (Verdict("gate", "fail", (text,)), Text("behind")))
    tokens = PARSER.parse(without_commands(marked(Marker("report"), render_markdown(report))))
    top = [token.type for token in tokens if token.level == 0 and token.nesting >= 0]
    assert top == ["html_block", "paragraph_open", "bullet_list_open", "paragraph_open"]
    said = visible(text.strip())
    assert texts(tokens[4:-3]) == ([said] if said else [])
    assert tokens[-2].content == "behind"


@given(NASTY)
def test_no_text_leaves_its_fence(text: str) -> None:
    report = Report("", (Text(text, verbatim=True), Text("behind")))
    body = without_commands(marked(Marker("report"), render_markdown(report)))
    tokens = PARSER.parse(body)
    assert [token.type for token in tokens] == [
        "html_block", "fence", "paragraph_open", "inline", "paragraph_close"
    ]  # fmt: skip
    assert not re.search(r"^/", body, re.MULTILINE)


@given(NASTY)
def test_gitlab_finds_no_command_in_any_text(text: str) -> None:
    assert not re.search(r"^/", without_commands(text).replace("\r", ""), re.MULTILINE)
    assert without_commands(without_commands(text)) == without_commands(text)


@given(NASTY, NASTY, NASTY)
def test_a_mark_comes_back_whole_and_no_body_brings_its_own(
    subject: str, decision: str, body: str
) -> None:
    text = marked(Marker(subject, decision), body)
    assert marker_of(text) == Marker(subject, decision)
    first = text.split("\n", 1)[0]
    assert re.fullmatch(r"<!-- [^<>]* -->", first)
    assert "--" not in first[4:-3]
    opened = PARSER.parse(text)[0]
    assert (opened.type, opened.content.strip()) == ("html_block", first)


@given(NASTY)
def test_a_mark_in_a_report_is_none(text: str) -> None:
    report = render_markdown(Report(text, (Text(text), Text(text, verbatim=True))))
    assert marker_of(report) is None


@given(NASTY)
def test_a_title_is_one_visible_line(text: str) -> None:
    title = titled(text * 40)
    assert 0 < len(title) <= TITLE_MOST
    assert title.isprintable()


def report_of(rows: int, wide: int) -> str:
    columns = (Column("slice"), Column("loss", "number"))
    cells = tuple((f"carrier={number} " + "😀" * wide, number / 7) for number in range(rows))
    blocks = (
        Text("Before."),
        Table(columns, cells, title="Slices"),
        Text("x\n" * 9, verbatim=True),
    )
    return marked(Marker("report"), render_markdown(Report("Gate", blocks)))


@given(st.integers(0, 60), st.integers(0, 12), st.integers(200, 4000))
def test_what_is_shortened_fits_and_is_still_made_of_whole_blocks(
    rows: int, wide: int, most: int
) -> None:
    body = report_of(rows, wide)
    short = fitted(body, most, "in the summary")
    assert length(short) <= most
    assert (short == body) is (length(body) <= most)
    if short != body:
        assert short.endswith("_Shortened to fit; all of it is in the summary._")
        whole = set(body.split("\n"))
        own = re.compile(r"… and \d+ more rows|…|```|_Shortened to fit;.*|")
        assert all(line in whole or own.fullmatch(line) for line in short.split("\n"))
    tokens = PARSER.parse(short)
    opened = sum(token.type == "tr_open" for token in tokens)
    cells = sum(token.type in ("td_open", "th_open") for token in tokens)
    assert cells == 2 * opened
    assert marker_of(short) == Marker("report")


@given(st.lists(NASTY, max_size=30), st.integers(100, 1000))
def test_any_text_at_all_fits(parts: list[str], most: int) -> None:
    assert length(fitted("\n\n".join(parts), most)) <= most


def test_five_hundred_slices_keep_their_first_rows_and_say_how_many_are_gone() -> None:
    short = fitted(report_of(500, 60), GITHUB_MOST, "in the summary")
    assert GITHUB_MOST * 0.9 < length(short) <= GITHUB_MOST
    gone = re.search(r"… and (\d+) more rows", short)
    assert gone is not None
    kept = sum(line.startswith("| carrier") for line in short.split("\n"))
    assert kept + int(gone[1]) == 500


def test_details_go_as_a_whole() -> None:
    inner = "\n\n".join(f"part {number}" for number in range(50))
    body = f"Before.\n\n<details><summary>All</summary>\n\n{inner}\n\n</details>\n\nAfter."
    short = fitted(body, 200)
    assert short == "Before.\n\n_Shortened to fit._"


def test_a_long_fence_is_closed_again() -> None:
    body = "````text\n" + "line\n```\n" * 200 + "````\n\nAfter."
    short = fitted(body, 500)
    tokens = PARSER.parse(short)
    assert [token.type for token in tokens] == [
        "fence", "paragraph_open", "inline", "paragraph_close"
    ]  # fmt: skip
    assert tokens[0].content.endswith("…\n")
