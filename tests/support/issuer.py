"""A real issuer of identity tokens on the loopback: TLS, discovery, published keys, signatures."""

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from trueup.project.identity.asking import Fetch
from trueup.project.identity.web import fetched

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Issuer:
    """One issuer; what lies at its addresses may be replaced, and how it answers."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self.context = context
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.keys = [published(self.rsa, "RS256", "r1"), published(self.ec, "ES256", "e1")]
        self.pages: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[str] = []
        self.pause_s = 0.0  # before each byte of an answer
        self.stopped = threading.Event()

    def fetch(self, timeout_s: float = 10.0) -> Fetch:
        """Return what fetches over TLS from this issuer, whose certificate it knows."""
        return partial(fetched, context=self.context, timeout_s=timeout_s)

    def page(self, path: str) -> bytes | None:
        """Return what lies at a path."""
        told = {"issuer": self.url, "jwks_uri": self.url + KEYS}
        usual = {DISCOVERY: told, KEYS: {"keys": self.keys}}
        return self.pages.get(path) or (json.dumps(usual[path]).encode() if path in usual else None)

    def claims(self, **other: object) -> dict[str, Any]:
        """Return the claims of a job's token; a claim that is None is left out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "project_path:acme/flights:ref_type:branch:ref:main",
            "aud": "trueup",
            "iat": now,
            "nbf": now - 5,
            "exp": now + 300,
            "user_login": "grace",
            "user_email": "grace@example.org",
            "project_path": "acme/flights",
            **other,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, algorithm: str = "RS256", kid: str | None = None, **other: object) -> str:
        """Return a token that this issuer has signed."""
        key = self.rsa if algorithm == "RS256" else self.ec
        named = kid if kid is not None else {"RS256": "r1", "ES256": "e1"}[algorithm]
        return signed(self.claims(**other), key, algorithm, {"kid": named})


def signed(
    claims: Mapping[str, Any], key: Private, algorithm: str, header: Mapping[str, Any]
) -> str:
    """Return a token with these claims and this header, signed."""
    return jwt.encode(dict(claims), key, algorithm, headers=dict(header))


def published(key: Private, algorithm: str, kid: str) -> dict[str, Any]:
    """Return a key as an issuer publishes it."""
    kind: Any = jwt.get_algorithm_by_name(algorithm)
    said = json.loads(kind.to_jwk(key.public_key()))
    said.pop("key_ops", None)
    return {**said, "kid": kid, "use": "sig", "alg": algorithm}


@contextmanager
def issuing(folder: Path) -> Iterator[Issuer]:
    """Run an issuer on a free port, its certificate in folder."""
    certificate = _certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    inner = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inner.load_cert_chain(certificate)
    server.socket = inner.wrap_socket(server.socket, server_side=True)
    issuer = Issuer(server.server_port, ssl.create_default_context(cafile=str(certificate)))
    server.issuer = issuer  # type: ignore[attr-defined]  # for the answering side to find
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        issuer.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        issuer: Issuer = self.server.issuer  # type: ignore[attr-defined]  # set where it is made
        issuer.asked.append(self.path)
        moved, body = issuer.moved.get(self.path), issuer.page(self.path)
        self.send_response(302 if moved else 404 if body is None else 200)
        if moved:
            self.send_header("Location", moved)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        try:
            if not issuer.pause_s:
                self.wfile.write(body or b"")
            for byte in (body or b"") if issuer.pause_s else b"":
                if issuer.stopped.wait(issuer.pause_s):
                    break
                self.wfile.write(bytes([byte]))
        except OSError:
            pass  # whoever asked has waited long enough

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "issuer.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file
