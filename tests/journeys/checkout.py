"""A project in a folder and the real command line in it, as a person would have them."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND = (sys.executable, "-m", "trueup")


class Checkout:
    """A folder with a project; commands run in it with an environment that is known."""

    def __init__(self, root: Path, env: Mapping[str, str] | None = None) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if name != "TRUEUP_STORE"}
        self.env = kept | {"NO_COLOR": "1", "COLUMNS": "100", "PWD": str(root), **(env or {})}

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file, folders made on the way."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``trueup WORDS`` to its end and return what it said."""
        return subprocess.run(
            [*COMMAND, *words],
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )

    def ok(self, *words: str) -> str:
        """Run ``trueup WORDS``, which must succeed, and return its standard output."""
        done = self.call(*words)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start ``trueup WORDS`` and leave it running."""
        return subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.root,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def files(self) -> dict[str, str]:
        """Return the digest of every file that is not trueup's own."""
        return {
            name: digest
            for name, digest in tree(self.root).items()
            if name.split("/")[0] not in (".trueup", ".git")
        }


def tree(root: Path) -> dict[str, str]:
    """Return all that lies under a folder, itself included: digests, links, folders, modes."""
    found = {}
    for path in [root, *sorted(root.rglob("*"))]:
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_dir():
            found[name] = "folder"
        else:
            mode = path.stat().st_mode & 0o777
            found[name] = f"{mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found
