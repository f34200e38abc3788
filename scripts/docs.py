"""Check the documentation, or write its generated part: python -m scripts.docs check|write."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

CHECKOUT = Path(__file__).resolve().parent.parent

# What a reader elsewhere could not use: paths of one machine, hosts of package registries, promises
# left in the text. Written so that this file does not hold them itself.
FORBIDDEN = re.compile(
    r"/(?:wor[k]|far[m])/|/opt/(?:pyp[i]|wheel[s])|bash_job[s]|\b(?:TOD[O]|FIXM[E])\b"
    r"|pypi\.or[g]|pythonhoste[d]|registry\.npmj[s]|deb\.debia[n]\.org"
)


def files() -> list[Path]:
    """Return the files that Git would commit, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (CHECKOUT / name for name in sorted(listed.split("\0")) if name)
    return [path for path in paths if path.is_file()]


def slug(heading: str) -> str:
    """Return the anchor that a heading gets on a forge."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def tokens(path: Path) -> Iterator[tuple[Token, int]]:
    """Yield a page's tokens, inline ones too, each with the line that its block begins on."""
    for block in MarkdownIt("commonmark").enable("table").parse(path.read_text()):
        line = block.map[0] + 1 if block.map else 0
        yield block, line
        for inline in block.children or ():
            yield inline, line


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    blocks = [token for token, _ in tokens(path)]
    pairs = pairwise(blocks)
    return {slug(after.content) for before, after in pairs if before.type == "heading_open"}


def links(path: Path) -> Iterator[tuple[str, Path, str, int]]:
    """Yield a page's links within the checkout: as written, the file, the anchor, the line."""
    for token, line in tokens(path):
        target = token.attrGet("href") or token.attrGet("src")
        if isinstance(target, str) and not re.match(r"[a-z][a-z0-9+.-]*:", target):
            name, _, anchor = target.partition("#")
            yield target, (path.parent / name).resolve() if name else path, anchor, line


def broken_links(path: Path) -> Iterator[str]:
    """Yield each link of a page to a file or heading that is not there."""
    for target, page, anchor, line in links(path):
        place = f"{path.relative_to(CHECKOUT)}:{line}"
        if not page.exists():
            yield f"{place}: links to {target}, which is not there"
        elif anchor and page.suffix == ".md" and anchor not in anchors(page):
            yield f"{place}: links to {target}, but that page has no such heading"


def unreachable_pages(first: Path, pages: set[Path]) -> Iterator[str]:
    """Yield each page that no way leads to from the first; a folder leads to all its pages."""
    seen: set[Path] = set()
    ways = [first]
    while ways:
        page = ways.pop()
        if page in seen:
            continue
        seen.add(page)
        if page.is_dir():
            ways += [each for each in pages if each.parent == page]
        elif page.suffix == ".md" and page.exists():
            ways += [target for _, target, _, _ in links(page)]
    for page in sorted(pages - seen):
        yield f"{page.relative_to(CHECKOUT)}: no link leads here from {first.name}"


def forbidden_words(path: Path) -> Iterator[str]:
    """Yield each place of a text file that names what means nothing elsewhere."""
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(lines, 1):
        if found := FORBIDDEN.search(line):
            yield f"{path.relative_to(CHECKOUT)}:{number}: says {found.group()!r}"


def stale_references() -> Iterator[str]:
    """Yield each generated page that differs from what the code says now."""
    from scripts.references import pages

    for path, text in pages(CHECKOUT).items():
        if not path.exists() or path.read_text() != text:
            yield f"{path.relative_to(CHECKOUT)}: out of date; write it anew with: make references"


def mistakes() -> Iterator[str]:
    """Yield everything that is wrong with the documentation."""
    yield from stale_references()
    listed = files()
    pages = {path for path in listed if path.suffix == ".md" and "docs" in path.parts}
    yield from unreachable_pages(CHECKOUT / "README.md", pages)
    for path in listed:
        yield from forbidden_words(path)
        if path.suffix == ".md":
            yield from broken_links(path)


def main() -> int:
    """Do what the command line says; 1 if the documentation has a mistake."""
    if sys.argv[1:] == ["write"]:
        from scripts.references import pages

        for path, text in pages(CHECKOUT).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return 0
    if sys.argv[1:] != ["check"]:
        print(__doc__, file=sys.stderr)
        return 2
    found = list(mistakes())
    print("\n".join(found) if found else "documentation: nothing wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
