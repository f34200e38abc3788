"""HTTPS with a certificate of one's own authority, and what is said of files that do not do."""

import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.serving.servers import RECORD, Server, httpx
from trueup.cli.group import trueup
from trueup.errors import WrongUsage


def openssl(folder: Path, *words: str) -> None:
    """Call openssl in a folder."""
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and a certificate of it for this machine, with keys of both common kinds."""
    folder = tmp_path_factory.mktemp("papers")
    openssl(
        folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Our authority",
        "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
    )  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl(folder, "genrsa", "-out", "rsa.key", "2048")
    openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.key")
    openssl(folder, "rsa", "-aes128", "-passout", "pass:x", "-in", "rsa.key", "-out", "locked.key")
    for kind in ("rsa", "ec"):
        openssl(
            folder, "req", "-new", "-key", f"{kind}.key", "-subj", "/CN=us", "-out", f"{kind}.csr"
        )
        openssl(
            folder, "x509", "-req", "-in", f"{kind}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{kind}.pem",
        )  # fmt: skip
    return folder


@pytest.mark.parametrize(("kind", "workers"), [("rsa", "1"), ("ec", "2")])
def test_a_client_that_trusts_the_authority_is_answered_and_another_is_not(
    own_shop: Path, papers: Path, kind: str, workers: str
) -> None:
    trusting = ssl.create_default_context(cafile=str(papers / "ca.pem"))
    words = ["--tls-cert", str(papers / f"{kind}.pem"), "--tls-key", str(papers / f"{kind}.key")]
    server = Server(own_shop, "sale@live", "--workers", workers, *words, verify=trusting)
    try:
        assert server.url.startswith("https://")
        assert server.predict(RECORD)["version"] == 1
        with pytest.raises(httpx.ConnectError, match="certificate"):
            httpx.get(f"{server.url}/ping")
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            trusting.wrap_socket(plain, server_hostname="localhost") as one,
        ):
            assert one.version() == "TLSv1.3"
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        ("rsa.pem", "ec.key", "do not belong together"),
        ("rsa.pem", "ca.key", "do not belong together"),
        ("rsa.key", "rsa.key", "cannot be served with"),
        ("names", "rsa.key", "cannot be served with"),
        ("rsa.pem", "locked.key", "wants a password"),
        ("rsa.pem", "", "--tls-key is missing"),
        ("", "rsa.key", "--tls-cert is missing"),
    ],
)
def test_files_that_do_not_do_are_named_before_anything_is_served(
    shop: Path, papers: Path, certificate: str, key: str, says: str
) -> None:
    words = ["-C", str(shop), "serve", "sale/1", "--port", "0"]
    words += ["--tls-cert", str(papers / certificate)] if certificate else []
    words += ["--tls-key", str(papers / key)] if key else []
    with pytest.raises(WrongUsage, match=says) as refused:
        trueup.main(words, standalone_mode=False)
    assert refused.value.remedy


def test_a_port_that_is_taken_is_said_to_be_so(server: Server, shop: Path) -> None:
    words = ["-C", str(shop), "serve", "sale/1", "--port", str(server.port)]
    with pytest.raises(WrongUsage, match=f"cannot listen at 127.0.0.1 port {server.port}"):
        trueup.main(words, standalone_mode=False)
