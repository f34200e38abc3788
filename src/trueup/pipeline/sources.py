"""Dependencies that are no file here: a command's answer, a URL's ETag."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from trueup.config.records import Dependency
from trueup.errors import RemoteSilent, StageFailed

_PATIENCE_S = 60.0


def shell(command: str) -> tuple[str, ...]:
    """Return how a stage's command is started: by bash where there is one, else by sh.

    Which of the two does not depend on the user's login shell, so that a laptop and CI agree. Of
    several lines the first that fails ends the command, as in DVC, which runs them one by one.
    """
    careful = ("-e",) if "\n" in command.strip() else ()
    bash = _bash()
    start = (bash, "--noprofile", "--norc") if bash else ("/bin/sh",)
    return (*start, *careful, "-c", command)


def fingerprint(dep: Dependency, stage: str, root: Path, env: Mapping[str, str]) -> str:
    """Return the digest of what a command printed, or of a URL's ETag or modification date.

    Raises StageFailed (the command failed) or RemoteSilent (the URL did not answer).
    """
    place = str(dep.place) if dep.place else None
    if dep.cmd:
        return blake3(_answer(dep.cmd, stage, root, env, place)).hexdigest()
    return blake3(_etag(dep.url, place).encode()).hexdigest()


def _answer(
    command: str, stage: str, root: Path, env: Mapping[str, str], place: str | None
) -> bytes:
    asking = subprocess.Popen(
        shell(command),
        cwd=root,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answer, _ = asking.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        raise StageFailed(
            f"dependency command of {stage!r} gave no answer within {_PATIENCE_S:.0f} s",
            remedy=f"Run it by hand and see: {command}",
            place=place,
        ) from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(asking.pid, signal.SIGKILL)
        asking.communicate()
    if asking.returncode:
        raise StageFailed(
            f"dependency command of {stage!r} failed with exit code {asking.returncode}",
            remedy=f"Run it by hand and see: {command}",
            place=place,
        )
    return answer


def _etag(url: str, place: str | None) -> str:
    from urllib.error import URLError
    from urllib.parse import urlsplit
    from urllib.request import Request, urlopen

    shown = urlsplit(url)._replace(query="").geturl().split("@")[-1]  # a query may hold a token
    request = Request(url, method="HEAD")  # noqa: S310 - config/ admits http and https only
    try:
        with urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
            found = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
    except (URLError, OSError) as error:
        raise RemoteSilent(
            f"no answer from {shown}: {error}",
            remedy="Check the address and the network, then run again.",
            place=place,
        ) from error
    if not found:
        raise RemoteSilent(
            f"{shown} says neither ETag nor Last-Modified",
            remedy="Use a cmd: dependency that prints what identifies the content.",
            place=place,
        )
    return str(found)


def _bash() -> str | None:
    global _found
    if _found is None:
        _found = next((b for b in ("/bin/bash", "/usr/bin/bash") if Path(b).exists()), "")
    return _found or None


_found: str | None = None
