"""A GitHub App: signs for itself with its key, and is given tokens for one installation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import msgspec

from trueup.errors import AccessRefused, WrongUsage
from trueup.forges.calling import Caller, Patience, segment, shaped
from trueup.forges.credentials import Token
from trueup.forges.github.headers import signed
from trueup.forges.places import Place

LIFE_S, BACK_S = 540, 60  # of the App's own token: ten minutes at most, and clocks differ
EARLY = timedelta(minutes=5)  # a token is renewed before it expires under a running request


class AppKey(msgspec.Struct, frozen=True):
    """What an App is known by; the private key is the text of a PEM file."""

    app: str  # its id, or its client id
    key: str
    installation: int = 0  # 0: the one on the repository is looked up

    def __repr__(self) -> str:
        return f"AppKey({self.app!r}, installation={self.installation})"


class Granted(msgspec.Struct, frozen=True):
    """A token of an installation, as GitHub hands it out."""

    token: str
    expires_at: datetime
    permissions: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Granted(until {self.expires_at})"


class _Installation(msgspec.Struct, frozen=True):
    id: int


class _Itself(msgspec.Struct, frozen=True):
    slug: str


class AppCredential:
    """Tokens of an App's installation on one repository, each kept until shortly before its end."""

    def __init__(self, place: Place, app: AppKey, patience: Patience | None = None) -> None:
        self._place, self._app = place, app
        self._patience = patience or Patience()
        self._caller = Caller(place.api, place.name, self._sign, self._patience)
        self._granted: Granted | None = None

    def __repr__(self) -> str:
        return f"AppCredential({self._app!r} on {self._place.project})"

    def token(self) -> Token:
        """Return a token for this repository alone."""
        return Token(self.granted().token, "app", f"the GitHub App {self._app.app}")

    def granted(self) -> Granted:
        """Return the token with its end and permissions; asks GitHub only when it has to."""
        held = self._granted
        if held is None or held.expires_at - EARLY <= self._patience.now():
            held = self._granted = self._ask()
        return held

    def login(self) -> str:
        """Return the login that the App writes under."""
        answer = self._caller.ask("GET", "/app", "read the App")
        return f"{shaped(self._place.name, _Itself, answer.body).slug}[bot]"

    def _ask(self) -> Granted:
        owner, _, name = self._place.project.partition("/")
        number = self._app.installation
        if not number:
            path = f"/repos/{segment(owner)}/{segment(name)}/installation"
            answer = self._caller.ask("GET", path, "find the App's installation")
            number = shaped(self._place.name, _Installation, answer.body).id
        answer = self._caller.ask(
            "POST",
            f"/app/installations/{number}/access_tokens",
            "get a token of the App's installation",
            body={"repositories": [name]},
        )
        return shaped(self._place.name, Granted, answer.body)

    def _sign(self) -> Mapping[str, str]:
        return signed(_own_token(self._app, self._patience.now()))


def app_from_environment(environment: Mapping[str, str]) -> AppKey | None:
    """Return the App that ``TRUEUP_GITHUB_APP_*`` name; None where they name none.

    The key comes as text, also with newlines written out, or as the path of its file.
    """
    app = environment.get("TRUEUP_GITHUB_APP_ID", "").strip()
    if not app:
        return None
    key = environment.get("TRUEUP_GITHUB_APP_KEY", "").replace("\\n", "\n").strip()
    path = environment.get("TRUEUP_GITHUB_APP_KEY_FILE", "")
    if not key and path:
        try:
            key = Path(path).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise WrongUsage(
                f"the App's key {path} cannot be read: {type(error).__name__}",
                remedy="Name a PEM file in TRUEUP_GITHUB_APP_KEY_FILE",
            ) from error
    number = environment.get("TRUEUP_GITHUB_APP_INSTALLATION", "0").strip() or "0"
    if not key or not number.isdecimal():
        raise WrongUsage(
            f"the GitHub App {app} is named without a key, or with no number as installation",
            remedy="Set TRUEUP_GITHUB_APP_KEY or TRUEUP_GITHUB_APP_KEY_FILE, and, if at all,"
            " TRUEUP_GITHUB_APP_INSTALLATION to a number",
        )
    return AppKey(app, key, int(number))


def _own_token(app: AppKey, now: datetime) -> str:
    """Return a token that says who the App is, signed with its key."""
    try:
        jwt = import_module("jwt")
    except ImportError as missing:
        raise WrongUsage(
            "a GitHub App signs with the extra identity, which is not installed",
            remedy="Install it with: pip install 'trueup[identity]'",
        ) from missing
    at = int(now.timestamp())
    claims = {"iat": at - BACK_S, "exp": at + LIFE_S, "iss": app.app}
    try:
        own: str = jwt.encode(claims, app.key, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        # not chained: the library's error may quote the key
        raise AccessRefused(
            f"the key of the GitHub App {app.app} is not a private RSA key"
            f" ({type(error).__name__})",
            remedy="Take the PEM file that GitHub made for the App",
        ) from None
    return own
