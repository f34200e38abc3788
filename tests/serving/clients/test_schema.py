"""schemathesis asks every route as the server's own OpenAPI document says, and as it does not.

No 5xx, no status and no kind of content that the document does not name, every answer as its
schema says, and what the schema forbids is refused. Not asked: that all that the schema allows is
taken, for no schema says that ids differ or that tensors are as long as their shape.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.serving.servers import Server
from trueup.serving.tokens import digest_of, new_token

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
    "unsupported_method"
)

pytestmark = pytest.mark.skipif(
    find_spec("schemathesis") is None, reason="schemathesis is not installed"
)


@pytest.fixture(scope="module")
def guarded(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with a token that may do everything."""
    others = shutil.ignore_patterns("captures", "labels", "*.log")
    folder = tmp_path_factory.mktemp("guarded") / "project"
    root = Path(shutil.copytree(shop, folder, ignore=others))
    token = new_token()
    path = root / "trueup.yaml"
    scopes = f"{{sha256: {digest_of(token)}, scopes: [predict, feedback, admin]}}"
    path.write_text(path.read_text() + f"      auth: {{tokens: {{all: {scopes}}}}}\n")
    server = Server(root, "sale@live")
    yield server, token
    assert server.stop() == 0


def asked(server: Server, token: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Ask with a fixed seed, so that what is found once is found again."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
            *("--seed", "1", "--checks", CHECKS, "--header", f"Authorization: Bearer {token}"),
            *("--continue-on-failure", "--suppress-health-check", "all", "--no-color", *words),
        ],
        cwd=Path(server._log.name).parent,  # it leaves a cache where it runs
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--phases", "coverage"),
        pytest.param(("--phases", "examples,coverage,fuzzing", "-n", "60"), marks=pytest.mark.slow),
    ],
    ids=["quick", "long"],
)
def test_nothing_that_the_document_allows_or_forbids_makes_the_server_fail(
    guarded: tuple[Server, str], words: tuple[str, ...]
) -> None:
    server, token = guarded
    done = asked(server, token, *words)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Traceback" not in server.log
