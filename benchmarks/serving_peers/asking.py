"""Ask a server with wrk, and read what that told."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec


class Load(msgspec.Struct, frozen=True):
    """One way to ask."""

    rows: int
    connections: int

    def __str__(self) -> str:
        return f"{self.rows} row{'s' if self.rows > 1 else ''}, c={self.connections}"


class Told(msgspec.Struct, frozen=True):
    """What wrk told."""

    per_s: float
    p50_ms: float
    p99_ms: float
    answered: int
    failed: int = 0


def ask(folder: Path, url: str, body: bytes, load: Load, seconds: float) -> Told:
    """Send the body again and again and return how soon answers came; exits where one failed."""
    script = folder / "load.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
        f"wrk.body = [==[{body.decode()}]==]\n"
    )
    words = ["wrk", "-t1", f"-c{load.connections}", f"-d{max(1, round(seconds))}s", "--latency"]
    command = [*words, "--timeout", "20s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = told_by(said)
    if told.failed:
        sys.exit(f"{url} failed under load:\n{said}")
    return told


def told_by(said: str) -> Told:
    """Return what wrk has told as text."""
    per_s = re.search(r"Requests/sec:\s+([\d.]+)", said)
    answered = re.search(r"(\d+) requests in", said)
    assert per_s, said
    assert answered, said
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said
    )
    failed = sum(int(one) for found in (wrong, broken) if found for one in found.groups())
    p50_ms, p99_ms = _ms(said, "50%"), _ms(said, "99%")
    return Told(float(per_s[1]), p50_ms, p99_ms, int(answered[1]), failed)


def _ms(told: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s|m)", told)
    assert found, told
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[found[2]]
