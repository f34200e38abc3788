"""trueup init."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli.opening import json_option
from trueup.cli.printing import print_json, say

if TYPE_CHECKING:
    from trueup.project.beginning.begin import Begun
    from trueup.project.beginning.findings import Draft, Findings
    from trueup.project.beginning.proving import Proven

_INTERRUPTED, _STAGE_FAILED = 130, 6


@click.command()
@click.argument("place", required=False, type=click.Path(path_type=Path))
@click.option("--example", metavar="NAME", help="Copy an example to PLACE instead: flights.")
@click.option("--name", default="", help="The project's name; default: what it calls itself.")
@click.option("--store", default="", help="Its bucket: a folder, s3://, gs:// or az://.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing and take the defaults.")
@click.option("--no-run", is_flag=True, help="Write the files, and run nothing.")
@json_option
@click.pass_obj
def command(
    folder: Path,
    place: Path | None,
    example: str | None,
    yes: bool,
    no_run: bool,
    as_json: bool,
    name: str,
    store: str,
) -> int:
    """Look at a project, propose stages, and end with a run that works.

    PLACE is the project's folder, by default this one; with --example, the new folder. Looks at
    dvc.yaml, MLproject, scripts, notebooks, lock file and CI. Files of yours are never replaced:
    .gitignore and .gitattributes get lines added, all else is new, and either all is written or
    nothing. Where one thing is missing for a run, it ends by saying which.
    """
    if example:
        return _copy(example, folder / (place or example), as_json=as_json)
    root = folder / place if place else folder
    wanted = {"name": name, "store": store}
    return _begin(root, wanted, ask=not (yes or as_json), no_run=no_run, as_json=as_json)


def _copy(example: str, target: Path, *, as_json: bool) -> int:
    from trueup.project.beginning.examples import copy_example

    copied = copy_example(example, target)
    install = "python -m pip install -r requirements.txt"
    typed = [f"cd {copied}", install, "trueup run"]
    if as_json:
        print_json({"folder": str(copied), "next": typed})
    else:
        print(f"The example {example} lies in {copied}. Next:\n  " + "\n  ".join(typed))
    return 0


def _begin(root: Path, wanted: dict[str, str], *, ask: bool, no_run: bool, as_json: bool) -> int:
    from trueup.cli.progress import Lines
    from trueup.errors import WrongUsage
    from trueup.project.beginning.begin import (
        Begun,
        propose,
        survey,
        try_out,
        with_model,
        write,
    )
    from trueup.project.beginning.proving import Proven, prove

    if not root.is_dir():
        raise WrongUsage(f"{root} is no folder", remedy=f"Make it first: mkdir {root}")
    found = survey(root)
    _tell(found)
    draft = with_model(root, found, propose(found, **wanted))
    asking = ask and sys.stdin.isatty() and sys.stderr.isatty()
    agreed = True
    if asking:
        draft, agreed = _asked(root, found, draft, wanted)
    else:
        _check_store(root, draft.store)
        _show(draft)
        if ask:
            say("no terminal to ask on: the defaults are taken")
    written = write(root, draft)
    begun = Begun()
    if agreed and not no_run:
        progress = Lines(sys.stderr, explain=False, quiet=False)
        begun = try_out(root, draft, os.environ, progress)
    proven = Proven(draft)
    if begun.result is not None and not begun.missing:
        proven = prove(root, found, draft, os.environ)
    written = tuple(dict.fromkeys((*written, *proven.written)))
    if as_json:
        print_json(_as_object(proven, written, begun))
    else:
        _end(proven, written, begun)
    if begun.result is not None and begun.result.interrupted:
        return _INTERRUPTED
    return _STAGE_FAILED if begun.result is not None and begun.result.failures else 0


def _tell(found: "Findings") -> None:
    kinds = {"script": "script", "notebook": "notebook", "entry point": "entry point"}
    parts = [found.pipeline] if found.pipeline else []
    for kind, word in kinds.items():
        count = sum(script.source == kind for script in found.scripts)
        if count:
            parts.append(f"{count} {word}{'s' if count > 1 else ''}")
    parts += [found.mlproject] if found.mlproject else []
    parts.append(f"the lock file {found.lock}" if found.lock else "no lock file")
    parts += [f"CI ({found.ci[0]})"] if found.ci else []
    say(f"found: {', '.join(parts)}")
    if found.listing.truncated:
        say("there are more files here than init looks at; the first 20,000 were looked at")


def _asked(
    root: Path, found: "Findings", draft: "Draft", wanted: dict[str, str]
) -> "tuple[Draft, bool]":
    """Ask what has no answer yet: at most three questions."""
    from trueup.errors import TrueupError
    from trueup.project.beginning.begin import with_model
    from trueup.project.beginning.proposing import STORE, project_name, propose

    usual_name = draft.project or project_name(found)
    name, store = wanted["name"], wanted["store"]
    if not name:
        name = click.prompt("Project name", default=usual_name, err=True)
    while True:
        if not wanted["store"]:
            hint = "Bucket (a folder, s3://, gs://, az://)"
            store = click.prompt(hint, default=STORE, err=True)
        try:
            _check_store(root, store)
            break
        except TrueupError as error:
            if wanted["store"]:
                raise
            say(f"{error}")
    if found.pipeline:  # what it does without a trueup.yaml needs none
        name = "" if name == usual_name and not wanted["name"] else name
        store = "" if store == STORE and not wanted["store"] else store
    draft = with_model(root, found, propose(found, name, store))
    _show(draft)
    if not draft.stages:
        return draft, True
    return draft, click.confirm("Write these stages and run them?", default=True, err=True)


def _check_store(root: Path, store: str) -> None:
    """Raise for a store that cannot be one; asks nothing of a remote one."""
    from trueup.store.opening import open_bucket

    if store:
        open_bucket(store, root=root, env=os.environ)


def _show(draft: "Draft") -> None:
    width = max((len(stage.name) for stage in draft.stages), default=0)
    for stage in draft.stages:
        reads = ", ".join(stage.deps[1:]) or "nothing"
        say(f"  {stage.name:{width}}  {stage.cmd}: {reads} -> {', '.join(stage.writes) or '-'}")
        for note in stage.notes:
            say(f"  {'':{width}}  note: {note}")
    for note in draft.notes:
        say(f"  {note}")
    model = draft.model
    if model is not None and model.path:
        rows = model.data or model.predictions
        say(f"  the model is {model.path}" + (f", judged on {rows}" if rows else ""))


def _end(proven: "Proven", written: tuple[str, ...], begun: "Begun") -> None:
    if written:
        print(f"wrote {', '.join(written)}")
    works = begun.result is not None and not begun.missing
    if begun.result is not None and works:
        stages = begun.result.stages
        changed = [each for each in stages if each.outcome != "unchanged"]
        what = f"{len(changed)} of {len(stages)} stages" if changed else "nothing changed"
        print(f"it works: run {begun.result.run or '-'}, {what}, {begun.result.seconds:.1f} s")
    _tell_model(proven)
    if works:
        if "trueup.yaml" in written or proven.draft.pipeline:
            print("Next: trueup status; for Git to merge trueup.lock: trueup lock --install")
    elif begun.missing:
        print(f"it does not run yet: {begun.missing}")
    else:
        print("Next: look at trueup.yaml, then: trueup run")


def _tell_model(proven: "Proven") -> None:
    """Say what became of the model, what was taken on trust, and what is missing."""
    from trueup.delivery.telling import sentences

    model = proven.draft.model
    if model is None:
        return
    if model.missing:
        print(f"no model is judged yet: {model.missing}")
        return
    for sentence in sentences(proven.delivered) if proven.delivered else ():
        print(sentence)
    for note in model.notes:
        print(f"note: {note}")
    if proven.lacking:
        print(proven.lacking)
    print("Look at models: in trueup.yaml; what each rule asks for stands beside it")


def _as_object(proven: "Proven", written: tuple[str, ...], begun: "Begun") -> dict[str, object]:
    result, draft, delivered = begun.result, proven.draft, proven.delivered
    judgement = delivered.judgement if delivered else None
    return {
        "project": draft.project,
        "store": draft.store,
        "stages": draft.stages,
        "notes": draft.notes,
        "written": written,
        "missing": begun.missing,
        "run": result.run if result else None,
        "outcomes": {each.stage: each.outcome for each in result.stages} if result else {},
        "model": draft.model,
        "lacking": proven.lacking,
        "version": delivered.version if delivered else None,
        "verdict": judgement.verdict.word if judgement else None,
        "promoted": bool(delivered and delivered.promoted),
    }
