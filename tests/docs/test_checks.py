"""The documentation's own check finds what it is there to find."""

from pathlib import Path

import pytest

from scripts import docs


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(docs, "CHECKOUT", tmp_path)
    (tmp_path / "other.md").write_text("# The `run` verb, told\n")
    return tmp_path / "page.md"


def test_a_link_to_a_file_or_heading_that_is_not_there_is_found(page: Path) -> None:
    page.write_text("[a](gone.md)\n\n[b](other.md#the-run-verb-told) [c](other.md#nowhere)\n")
    assert list(docs.broken_links(page)) == [
        "page.md:1: links to gone.md, which is not there",
        "page.md:3: links to other.md#nowhere, but that page has no such heading",
    ]


def test_a_link_to_another_site_is_left_alone(page: Path) -> None:
    page.write_text("[a](https://example.org/x) [b](mailto:ada@example.org)\n")
    assert list(docs.broken_links(page)) == []


def test_a_path_of_one_machine_is_found(page: Path) -> None:
    page.write_text("see\n/wor" + "k/main\n")
    assert list(docs.forbidden_words(page)) == ["page.md:2: says '/wor" + "k/'"]


def test_a_page_that_nobody_links_to_is_found(page: Path) -> None:
    folder = page.parent / "docs"
    folder.mkdir()
    for name in ("linked", "lost"):
        (folder / f"{name}.md").write_text("# Words\n")
    page.write_text("[a](docs/linked.md)\n")
    pages = {folder / "linked.md", folder / "lost.md"}
    assert list(docs.unreachable_pages(page, pages)) == [
        "docs/lost.md: no link leads here from page.md"
    ]
    page.write_text("[a](docs)\n")
    assert list(docs.unreachable_pages(page, pages)) == []
