"""A token service on the loopback that answers as AWS's does, and checks each signature itself.

It is no AWS: it knows one pair of keys, and its check of a signature is written here after AWS's
description of Signature Version 4, not taken from the client that signs.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from hmac import compare_digest, digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY, SECRET, SESSION = "AKIDEXAMPLE", "a-secret-key-of-a-test", "a-session-token-of-a-test"
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/(sts)/aws4_request,"
    r" SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_ANSWER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"""
_ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>The canonical string should have
been x-amz-security-token:{quoted}</Message></Error><RequestId>1</RequestId></ErrorResponse>"""


class TokenService:
    """One service; it answers with one ARN whoever signs with the keys that it knows."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.arn = "arn:aws:iam::123456789012:user/grace"
        self.asked = 0


@contextmanager
def token_service() -> Iterator[TokenService]:
    """Run a token service on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    service = TokenService(server.server_port)
    server.service = service  # type: ignore[attr-defined]  # for the answering side to find
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        service: TokenService = self.server.service  # type: ignore[attr-defined]  # set above
        service.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        proven = b"Action=GetCallerIdentity" in body and self._is_signed(body)
        quoted = self.headers.get("X-Amz-Security-Token", "")
        answer = _ANSWER.format(arn=service.arn) if proven else _ERROR.format(quoted=quoted)
        self.send_response(200 if proven else 403)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def _is_signed(self, body: bytes) -> bool:
        found = _SIGNED.fullmatch(self.headers.get("Authorization", ""))
        if found is None or found[1] != KEY:
            return False
        _, day, region, service, names, signature = found.groups()
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names.split(";"))
        path, _, query = self.path.partition("?")
        asked = "\n".join(["POST", path, query, headers, names, sha256(body).hexdigest()])
        scope = f"{day}/{region}/{service}/aws4_request"
        hashed = sha256(asked.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.headers['X-Amz-Date']}\n{scope}\n{hashed}"
        key = f"AWS4{SECRET}".encode()
        for part in (day, region, service, "aws4_request", text):
            key = digest(key, part.encode(), sha256)
        return compare_digest(key.hex(), signature)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass
