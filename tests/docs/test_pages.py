"""What the README and the guides show is what happens."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import Block, Walk, blocks, commands, marks

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [
    CHECKOUT / "README.md",
    *sorted((CHECKOUT / "docs").glob("*.md")),
    *sorted((CHECKOUT / "docs" / "how-to").glob("*.md")),
]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    programs = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[getattr(pytest.mark, mark) for mark in marks(page)])
        for page in PAGES
    ],
)
def test_every_block_of_the_page_does_what_the_page_says(
    page: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    listed = list(blocks(page))
    if not listed:
        return
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=folder, check=True)
    walk = Walk(folder, env)
    for block in listed:
        walk.do(block)


def a_console(text: str, **options: str) -> Block:
    return Block("console", options, text, "page.md:1")


def test_a_command_that_says_something_else_is_found(tmp_path: Path, env: dict[str, str]) -> None:
    Walk(tmp_path, env).do(a_console("$ echo one two\none ...\n"))
    with pytest.raises(AssertionError, match=r"page\.md:1: 'echo one' does not say 'two'"):
        Walk(tmp_path, env).do(a_console("$ echo one\ntwo\n"))


def test_a_command_that_fails_where_the_page_does_not_say_so_is_found(
    tmp_path: Path, env: dict[str, str]
) -> None:
    Walk(tmp_path, env).do(a_console("$ exit 6\n", exit="6"))
    with pytest.raises(AssertionError):
        Walk(tmp_path, env).do(a_console("$ exit 6\n"))


def test_a_command_may_go_on_over_lines() -> None:
    (only,) = commands("$ echo one \\\n  two\nthree\n")
    assert only.line == "echo one   two"
    assert only.says == ["three"]


def test_only_blocks_that_can_be_run_and_are_not_excused_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ true\n```\n```text\nnothing\n```\n"
        '```python no-run="needs a bucket"\nx\n```\n'
        '```yaml title="a.yaml"\na: 1\n```\n'
    )
    assert [(each.language, dict(each.options)) for each in blocks(page)] == [
        ("console", {}),
        ("yaml", {"title": "a.yaml"}),
    ]


def test_a_walk_stays_where_it_has_gone(tmp_path: Path, env: dict[str, str]) -> None:
    walk = Walk(tmp_path, env)
    walk.do(a_console("$ mkdir deep\n$ cd deep\n"))
    walk.do(a_console("$ basename $(pwd)\ndeep\n"))


def test_a_page_may_ask_for_marks_that_its_readers_do_not_see(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- marks: slow, s3 -->\n# Title\n")
    assert marks(page) == ["slow", "s3"]
