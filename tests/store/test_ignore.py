"""Ignore files: the grammar is Git's, and Git is the oracle."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.content import Place
from trueup.store.ignore import ignored, parse

PIECES = ["a", "b", "*", "?", "**", "a*", "*b", "[ab]", "[!a]", "\\*", "ab", "a.b", "."]
LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "!", "/"]),
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("/".join),
        st.sampled_from(["", "/"]),
    ).map("".join),
    min_size=1,
    max_size=4,
)
PATHS = ["a", "b", "ab", "a.b", "a/b", "b/a", "a/a/b", "b/ab/a", "a/b/a/b", "*", "ab/a.b/a"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def by_us(lines: list[str], path: str) -> bool:
    """Say whether the walk would leave a file out: itself or a folder above it."""
    rules = parse("\n".join(lines))
    parts = path.split("/")
    above = ("/".join(parts[:at]) for at in range(1, len(parts)))
    return any(ignored(rules, one, True) for one in above) or ignored(rules, path, False)


@given(lines=LINES)
@example(lines=["/**", "!a"])
def test_what_git_ignores_is_ignored(repository: Path, lines: list[str]) -> None:
    (repository / ".gitignore").write_text("\n".join(lines) + "\n")
    shown = subprocess.run(
        ["git", "-C", str(repository), "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(PATHS),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    expected = set(shown.split("\0")) - {""}
    assert {path for path in PATHS if by_us(lines, path)} == expected


def test_comments_blank_lines_and_spaces_at_the_end_mean_nothing() -> None:
    rules = parse("# a comment\n\n   \nkeep me  \nspace\\ \n\\#hash\n\\!bang\n")
    assert [ignored(rules, name, False) for name in ("keep me", "space ", "#hash", "!bang")] == [
        True
    ] * 4
    assert not ignored(rules, "# a comment", False)


def test_ignored_files_do_not_count_wherever_the_rules_lie(tmp_path: Path) -> None:
    place = Place(tmp_path / "project")
    place.write("data/keep/a", "1")
    before = place.scanner.scan(Path("data"))
    place.write(".trueupignore", "*.tmp\n/data/cache/\n")
    for name in ("x.tmp", "keep/y.tmp", "cache/big", "keep/local"):
        place.write(f"data/{name}", "x")
    (place.root / "data/keep/odd.tmp").symlink_to("nowhere")
    found = place.scanner.scan(Path("data"))
    assert found is not None
    assert (found.files, found == before) == (2, False)
    place.write("data/keep/.dvcignore", "local\n")
    found = place.scanner.scan(Path("data"))
    assert found is not None
    assert [one.path for one in place.scanner.manifest(found).entries] == [
        "keep/.dvcignore",
        "keep/a",
    ]


def test_a_checkout_leaves_ignored_files_alone(tmp_path: Path) -> None:
    place = Place(tmp_path / "project")
    place.write(".trueupignore", "*.tmp\n")
    place.write("data/sub/a", "1")
    first = place.content.add(Path("data"))
    (place.root / "data/sub/a").unlink()
    place.write("data/sub/mine.tmp", "x")
    place.write("data/b", "2")
    place.content.checkout(first, Path("data"))
    assert (place.root / "data/sub/mine.tmp").read_text() == "x"
    assert (place.root / "data/sub/a").read_text() == "1"
    assert not (place.root / "data/b").exists()
