"""Write results to where a CI job reads them: its files, its summary, its outputs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from trueup import ids
from trueup.ci.places import Where
from trueup.ci.results.result import Result
from trueup.errors import WrongUsage
from trueup.reporting.blocks import Block, Report, Text
from trueup.store.hashing import explained

KEPT = "results.json"  # what `ci comment` reads in another job
_FORMAT = 1


class Kept(msgspec.Struct, frozen=True):
    """Results as one job hands them to another."""

    results: tuple[Result, ...]
    format: int = _FORMAT


def write_files(
    folder: Path, results: Sequence[Result], comment: str, page: Path | None = None
) -> None:
    """Write every file that some forge or runner reads, each whole or not at all."""
    from trueup.ci.results.code_quality import code_quality
    from trueup.ci.results.metrics_report import metrics_report
    from trueup.ci.results.outputs import outputs, render_dotenv
    from trueup.ci.results.sarif import sarif
    from trueup.reporting.html import render_html
    from trueup.reporting.junit import render_junit

    whole = together(results)
    _write(folder / "junit.xml", render_junit(whole))
    _write(folder / "trueup.sarif", sarif(results))
    _write(folder / "code-quality.json", code_quality(results))
    _write(folder / "metrics.txt", metrics_report(results))
    _write(folder / "outputs.env", render_dotenv(outputs(results)))
    _write(folder / "comment.md", comment)
    _write(folder / KEPT, msgspec.json.encode(Kept(tuple(results))).decode())
    _write(page or folder / "report.html", render_html(whole))


def tell_place(where: Where, results: Sequence[Result]) -> str:
    """Append to the step's summary and outputs, and return the annotations to print."""
    from trueup.ci.results.annotations import annotations
    from trueup.ci.results.outputs import outputs, render_outputs
    from trueup.ci.results.summary import summary

    if where.summary:
        _append(Path(where.summary), summary(results))
    if where.outputs:
        _append(Path(where.outputs), render_outputs(outputs(results)))
    return annotations(results) if where.kind == "github" else ""


def kept_results(folder: Path) -> tuple[Result, ...]:
    """Return the results that other jobs have kept in a folder or below; WrongUsage for none."""
    files = sorted(folder.rglob(KEPT))
    if not files:
        raise WrongUsage(
            f"there is no {KEPT} in {folder} or below",
            remedy=f"Make it with: trueup ci run --report-dir {folder}, or download the artifact",
        )
    found = [one for file in files for one in _read(file)]
    return tuple(sorted(found, key=lambda one: (one.folder, one.project)))


def together(results: Sequence[Result]) -> Report:
    """Return one report of all projects; of several, each has its name before its blocks."""
    if len(results) == 1:
        return results[0].report
    blocks: list[Block] = []
    for each in results:
        blocks += [Text(f"Project {each.project or each.folder}: {each.word}"), *each.report.blocks]
    return Report("trueup", tuple(blocks))


def event_of(path: str) -> Mapping[str, object]:
    """Return what the event's file says; nothing where it cannot be read."""
    try:
        said = msgspec.json.decode(Path(path).read_bytes()) if path else {}
    except (OSError, msgspec.DecodeError):
        return {}
    return said if isinstance(said, dict) else {}


def _read(file: Path) -> tuple[Result, ...]:
    try:
        with explained(str(file)):
            body = file.read_bytes()
        head = msgspec.json.decode(body, type=dict[str, object]).get("format")
        if head != _FORMAT:
            raise WrongUsage(
                f"{file} has the format {head}, this trueup reads {_FORMAT}",
                remedy="Use one trueup in all jobs.",
            )
        return msgspec.json.decode(body, type=Kept).results
    except (msgspec.DecodeError, ValueError) as error:
        raise WrongUsage(
            f"{file} cannot be read: {error}", remedy="Make it again with: trueup ci run"
        ) from error


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{ids.nonce()}")
    with explained(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_text(text, "utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _append(path: Path, text: str) -> None:
    with explained(str(path)), path.open("a", encoding="utf-8") as out:
        out.write(text if text.endswith("\n") else f"{text}\n")
