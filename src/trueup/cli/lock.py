"""trueup lock."""

from pathlib import Path

import click

from trueup.cli.opening import json_option
from trueup.cli.printing import print_json, say
from trueup.errors import WrongUsage


@click.command()
@click.option("--merge", is_flag=True, help="Resolve a conflict; with three files, merge those.")
@click.option("--install", is_flag=True, help="Let Git merge trueup.lock by itself in this clone.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@json_option
@click.pass_obj
def command(
    folder: Path, merge: bool, install: bool, files: tuple[Path, ...], as_json: bool
) -> None:
    """Show what trueup.lock pins; or merge two of them, stage by stage.

    A stage that both sides changed differently is left out: the next run finds it in the cache
    or runs it again.
    """
    from trueup.pipeline.lock import LockFile, read_lock
    from trueup.project.sharing import install_merge_driver, merge_conflicted, merge_lock_files

    if files and (not merge or len(files) != 3):
        raise WrongUsage(
            "lock takes three files, and only to merge them",
            remedy="Write: trueup lock --merge BASE OURS THEIRS",
        )
    lock: LockFile
    if files:
        lock = merge_lock_files(*files)
    else:
        from trueup.config.load import find_root

        root = find_root(folder)
        if install:
            install_merge_driver(root)
            say("Git merges trueup.lock by trueup in this clone; commit .gitattributes")
        lock = merge_conflicted(root) if merge else read_lock(root)
    if as_json:
        print_json(lock)
    elif not files:
        for name, locked in lock.stages.items():
            print(f"{name}  {locked.key[:12]}  {len(locked.outs)} output(s)")
