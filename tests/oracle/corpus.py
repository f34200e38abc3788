"""The corpus: small projects over the whole grammar of dvc.yaml, and what is done to each."""

import shutil
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "projects"


class Differs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where trueup does otherwise than DVC, on purpose."""

    why: str  # the heading under which docs/how-to/from-dvc.md says it
    refused: bool | None = None  # by trueup; None: as by DVC
    ran: list[str] | None = None  # by trueup; None: as by DVC


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change to a project, after which both tools look and run."""

    does: str
    write: dict[str, str] = {}
    replace: dict[str, dict[str, str]] = {}
    delete: list[str] = []
    executable: list[str] = []
    targets: list[str] = []
    force: bool = False
    keep_going: bool = False
    refused: bool = False  # both tools must refuse, or the stage fail
    differs: Differs | None = None


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project as it begins; the first run is a step of its own."""

    name: str
    files: dict[str, str]
    links: dict[str, str] = {}
    steps: list[Step] = []
    targets: list[str] = []
    keep_going: bool = False
    refused: bool = False
    vacuous: bool = False  # nothing runs, ever
    differs: Differs | None = None

    def all_steps(self) -> list[Step]:
        """Return the beginning as a step, then the steps."""
        begin = Step(
            does="begin",
            targets=self.targets,
            keep_going=self.keep_going,
            refused=self.refused,
            differs=self.differs,
        )
        return [begin, *self.steps]


def examples() -> list[Example]:
    """Return every project of the corpus, in the order of its files."""
    found = [
        example
        for path in sorted(FOLDER.glob("*.yaml"))
        for example in msgspec.yaml.decode(path.read_bytes(), type=list[Example])
    ]
    names = [example.name for example in found]
    assert len(names) == len(set(names)), "two projects of the corpus share a name"
    return found


def lay_out(example: Example, root: Path) -> None:
    """Write the project's files into an empty folder."""
    root.mkdir(parents=True)
    for name, text in example.files.items():
        _write(root / name, text)
    for name, target in example.links.items():
        (root / name).symlink_to(target)


def apply(step: Step, root: Path) -> None:
    """Do to the project what the step says; what it replaces must be there."""
    for name in step.delete:
        _remove(root / name)
    for name, text in step.write.items():
        _write(root / name, text)
    for name, changes in step.replace.items():
        text = (root / name).read_text("utf-8")
        for old, new in changes.items():
            assert old in text, f"{step.does}: {name} has no {old!r}"
            text = text.replace(old, new)
        _write(root / name, text)
    for name in step.executable:
        (root / name).chmod(0o755)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A new file each time: an output may be a link into a cache, which must not be written through.
    path.unlink(missing_ok=True)
    path.write_bytes(text.encode())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of the project but what the two tools keep for themselves."""
    folders = {".dvc", ".trueup"}
    files = {".dvcignore", ".gitignore", "dvc.lock", "trueup.lock"}
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] not in folders
        if path.name not in files and path.suffix != ".dvc"
    }
