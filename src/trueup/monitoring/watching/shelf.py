"""Where profiles, references and thresholds lie in the bucket: created once, named by content."""

from typing import TYPE_CHECKING, TypeVar

import msgspec

from trueup.captures.layout import model_folder
from trueup.errors import NotProven
from trueup.monitoring.broken.surveying import Habits
from trueup.monitoring.calibration.records import Threshold
from trueup.monitoring.profiles.profile import Profile, decode_profile, encode_profile
from trueup.monitoring.references import Reference, decode_reference, encode_reference
from trueup.monitoring.watching.windows import Window
from trueup.store.bucket import Bucket, Missing

if TYPE_CHECKING:
    from trueup.monitoring.detectors.panel import Panel

_OF_ROWS = ("state-", "panel-", "page-")
_SHORT = 16  # letters of a digest, in a key
_Record = TypeVar("_Record", bound=msgspec.Struct)


class Kept(msgspec.Struct, frozen=True):
    """A reference with what goes with it; without a threshold windows are compared as tables."""

    reference: Reference
    habits: Habits
    threshold: Threshold | None
    key: str = ""  # of the reference
    threshold_key: str = ""
    importance: dict[str, float] = {}  # of columns, 1 where none is known


class Shelf:
    """The profiles of one model."""

    def __init__(self, bucket: Bucket, model: str) -> None:
        self._bucket, self._prefix = bucket, f"profiles/{model_folder(model)}"

    def keep_reference(self, reference: Reference, habits: Habits) -> str:
        """Keep a reference and return its key."""
        body = msgspec.msgpack.encode(_Based(encode_reference(reference), habits))
        return self._keep(reference.grid.digest, "reference", body)

    def keep_threshold(self, reference: Reference, threshold: Threshold) -> str:
        """Keep what a reference was calibrated to and return its key."""
        return self._keep(reference.grid.digest, "threshold", msgspec.msgpack.encode(threshold))

    def keep_answers(self, reference: Reference, body: bytes) -> str:
        """Keep what was predicted of labelled rows and return its key."""
        return self._keep(reference.grid.digest, "answers", body)

    def answers(self, key: str) -> bytes:
        """Return what was predicted of labelled rows."""
        return self._proven(key)

    def kept(self, key: str, threshold_key: str) -> Kept:
        """Return what was kept; NotProven where it is gone, or not what its key says."""
        based = _decoded(self._proven(key), _Based, key)
        threshold = None
        if threshold_key:
            threshold = _decoded(self._proven(threshold_key), Threshold, threshold_key)
        reference = decode_reference(based.reference)
        return Kept(reference, based.habits, threshold, key, threshold_key)

    def keep_panel(self, grid: str, panel: "Panel") -> str:
        """Keep detectors between two windows and return their key.

        Each state is an object of its own, so that one which stays the same is kept once.
        """
        from trueup.monitoring.detectors.panel import encode_panel

        states = [self._keep(grid, "state", one.state).encode() for one in panel.members]
        return self._keep(grid, "panel", encode_panel(panel.with_states(states)))

    def panel(self, key: str) -> "Panel":
        """Return detectors as they were kept."""
        from trueup.monitoring.detectors.panel import decode_panel

        found = decode_panel(self._proven(key))
        return found.with_states([self._proven(one.state.decode()) for one in found.members])

    def has(self, key: str) -> bool:
        """Say whether something is there that was kept."""
        return any(one.key == key for one in self._bucket.list(key))

    def forget_panels(self) -> int:
        """Remove what detectors have kept of rows, and what they showed; return how many.

        For erasing: whoever watches next begins their walk anew.
        """
        gone = [
            entry.key
            for entry in self._bucket.list(f"{self._prefix}/")
            if entry.key.rpartition("/")[2].startswith(_OF_ROWS)
        ]
        self._bucket.delete(gone)
        return len(gone)

    def keep_page(self, grid: str, name: str, body: bytes) -> str:
        """Keep what a detector shows to people and return its key."""
        return self._keep(grid, "page", body, name.rpartition(".")[2])

    def profile_key(self, grid: str, window: Window, replica: str) -> str:
        """Return the key of a window's profile."""
        return f"{self._prefix}/{grid[:_SHORT]}/{window.key}/{replica}.msgpack"

    def keep_profile(self, key: str, profile: Profile) -> None:
        """Keep a window's profile; what is there already stays."""
        self._bucket.create(key, encode_profile(profile))

    def profile(self, key: str) -> Profile | None:
        """Return a window's profile; None where it is not there any more."""
        try:
            return decode_profile(self._bucket.get(key))
        except Missing:
            return None

    def _keep(self, grid: str, kind: str, body: bytes, suffix: str = "msgpack") -> str:
        key = f"{self._prefix}/{grid[:_SHORT]}/{kind}-{_digest(body)}.{suffix}"
        self._bucket.create(key, body)
        return key

    def _proven(self, key: str) -> bytes:
        try:
            body = self._bucket.get(key)
        except Missing as error:
            raise _gone(key, "is not in the bucket any more") from error
        if f"-{_digest(body)}." not in key:
            raise _gone(key, "is not what was written there")
        return body


class _Based(msgspec.Struct, frozen=True):
    reference: bytes
    habits: Habits
    format: int = 1


def _digest(body: bytes) -> str:
    from blake3 import blake3

    return blake3(body).hexdigest()[:32]


def _decoded(body: bytes, kind: type[_Record], key: str) -> _Record:
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise _gone(key, f"cannot be read: {error}") from error


def _gone(key: str, why: str) -> NotProven:
    return NotProven(
        f"{key} {why}",
        remedy="Restore it from a copy of the bucket, or begin anew: trueup monitor rebase MODEL"
        " --why REASON",
    )
