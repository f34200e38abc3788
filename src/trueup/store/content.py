"""The content store of a project: what files and folders hold, by digest, kept once."""

from collections.abc import Iterable
from pathlib import Path

from trueup import clock
from trueup.errors import WrongUsage
from trueup.store import manifest
from trueup.store.adding import Adding
from trueup.store.artifacts import Artifact, Manifest, ManifestEntry
from trueup.store.bucket import Bucket
from trueup.store.checkout import place_file, place_folder
from trueup.store.exchange import Fetch, is_held, send
from trueup.store.hashing import SMALL_BYTES, ContentMissing, digest_bytes
from trueup.store.packs import MOST_BYTES, PackPlace
from trueup.store.scan import Scanner
from trueup.store.shelf import Shelf

_MOST_PACKS = 32  # a folder spread over so many more than it needs is packed again


class Content:
    """Keeps and gives back content; a bucket that is attached is asked for the rest."""

    def __init__(self, root: Path, scanner: Scanner) -> None:
        self.shelf = Shelf(root)
        self.scanner = scanner
        self.scanner.kept = self.read
        self._bucket: Bucket | None = None
        self._kept: dict[str, list[str]] = {}  # folders added by this process, and their keys

    def attach(self, bucket: Bucket) -> None:
        """Name the bucket that is asked for content which is not held here."""
        self._bucket = bucket

    def add(self, path: Path, *, sync: bool = False) -> Artifact:
        """Hash and keep what is at a path, reading each file once, and nothing that is held.

        With sync it is on disk for certain when this returns. A folder spread over 32 packs more
        than it needs is packed again.
        """
        lone = not Path(self.scanner.absolute(path)).is_dir()
        with Adding(self.shelf, lone=lone, kept=self._kept) as keeper:
            artifact = self.scanner.look(path, keeper)
        if artifact is None:
            raise WrongUsage(
                "there is nothing to add",
                remedy="Check the path, or run the stage that makes it",
                place=str(path),
            )
        keys = self._keys_added(artifact, keeper)
        self.shelf.refresh(keys)
        if sync:
            self.shelf.sync(keys)
        return artifact

    def add_bytes(self, body: bytes, *, sync: bool = False) -> str:
        """Keep bytes as an object and return their digest."""
        digest = digest_bytes(body)
        self.shelf.write(digest, body)
        if sync:
            self.shelf.sync([f"objects/{digest}"])
        return digest

    def has(self, artifact: Artifact) -> bool:
        """Say whether all bytes are held here, by name and size; reading them verifies them."""
        try:
            entries = {bytes.fromhex(one.digest): one for one in self._entries(artifact, here=True)}
        except ContentMissing:
            return False
        lacking = self.shelf.lacks(entries)
        return not lacking and not any(
            self.shelf.is_cut(one.digest, one.size_bytes)
            for one in entries.values()
            if artifact.kind == "file" or one.size_bytes >= SMALL_BYTES
        )

    def read(self, digest: str) -> bytes:
        """Return verified bytes; ContentMissing if they are held neither here nor in the bucket."""
        try:
            return self.shelf.read(digest)
        except ContentMissing:
            if self._bucket is None:
                raise
            Fetch(self.shelf, self._bucket).object(digest)
            return self.shelf.read(digest)

    def checkout(self, artifact: Artifact, to: Path) -> None:
        """Put content at a path, replacing what is there; of a folder, only what differs.

        What is read is verified before anything at the path changes. Afterwards the scanner knows
        the path without reading it.
        """
        there = self.scanner.scan(to)
        if there == artifact:
            return
        if self._bucket is not None and not self.has(artifact):
            self.fetch(artifact, self._bucket)
        top = self.scanner.absolute(to)
        if artifact.kind == "file":
            visible_ns = place_file(self.shelf, artifact, top)
            self.scanner.remember(to, artifact.digest, visible_ns)
            return
        wanted = self.manifest(artifact)
        linked = Path(top).is_symlink()
        current = (
            self.scanner.manifest(there)
            if there is not None and there.kind == "folder" and not linked
            else None
        )
        known = place_folder(self.shelf, wanted, top, current)
        self.scanner.look(to, known=known)

    def manifest(self, artifact: Artifact) -> Manifest:
        """Return the manifest of a folder that is kept."""
        return manifest.decode(self.read(artifact.digest))

    def keys(self, artifact: Artifact) -> list[str]:
        """Return the keys that hold an artifact here: parts first, a folder's manifest last."""
        digests = {bytes.fromhex(one.digest) for one in self._entries(artifact)}
        return self._keys_of(artifact, digests)

    def renew(self, artifact: Artifact) -> None:
        """Date anew what holds an artifact here, where it has grown old."""
        self.shelf.refresh(self.keys(artifact))

    def reachable(self, artifact: Artifact, bucket: Bucket) -> bool:
        """Say whether a bucket has an artifact, with one request."""
        return is_held(artifact, bucket)

    def fetch(self, artifact: Artifact, bucket: Bucket) -> None:
        """Bring from a bucket what is lacking here, verified; ContentMissing if it is not there."""
        Fetch(self.shelf, bucket).run(artifact)

    def push(self, artifacts: Iterable[Artifact], bucket: Bucket) -> int:
        """Put into a bucket what it lacks; return how many objects that were."""
        return send(self.shelf, [self.keys(one) for one in artifacts], bucket, clock.now())

    def repack(self, live: Iterable[Artifact]) -> list[str]:
        """Pack again what is alive in packs less than half alive; return the keys of dead packs.

        A pack whose folder is being added right now looks dead: only remove old ones.
        """
        wanted = {bytes.fromhex(entry.digest) for one in live for entry in self._entries(one)}
        before = dict(self.shelf.packs(again=True))
        places = self.shelf.places(wanted)
        alive_bytes = dict.fromkeys(before, 0)
        for name, _, length in places.values():
            alive_bytes[name] = alive_bytes.get(name, 0) + length
        dying = {
            name for name, index in before.items() if alive_bytes[name] * 2 < index.end_bytes()
        }
        moving = {digest: place for digest, place in places.items() if place[0] in dying}
        if moving:
            self.shelf.gather(moving)
        return [f"packs/{name}{suffix}" for name in sorted(dying) for suffix in ("", ".idx")]

    def _entries(self, artifact: Artifact, *, here: bool = False) -> Iterable[ManifestEntry]:
        if artifact.kind == "file":
            return (ManifestEntry("", artifact.digest, artifact.size_bytes),)
        if here:
            return manifest.decode(self.shelf.read(artifact.digest)).entries
        return self.manifest(artifact).entries

    def _keys_added(self, artifact: Artifact, keeper: Adding) -> list[str]:
        """Return the keys that hold what was just added; it is packed again if in many packs."""
        if artifact.kind == "file":
            return [f"objects/{artifact.digest}"]
        if keeper.files is None:
            return self._kept[artifact.digest]
        if keeper.files <= keeper.packed:
            keys = _keys(artifact, set(), keeper.packs)
        else:
            keys = self._keys_of(artifact, keeper.files, most_packs=_MOST_PACKS)
        self._kept[artifact.digest] = keys
        return keys

    def _keys_of(
        self, artifact: Artifact, digests: set[bytes], *, most_packs: int | None = None
    ) -> list[str]:
        """Return the keys that hold these files, which are packed again if in too many packs."""
        objects = self.shelf.objects_among({one.hex() for one in digests})
        small = digests - {bytes.fromhex(one) for one in objects}
        places = self.shelf.places(small) if small else {}
        if len(places) < len(small):
            raise ContentMissing((small - places.keys()).pop().hex(), self.shelf.root)
        packs = {place[0] for place in places.values()}
        if most_packs and len(packs) > most_packs + _packs_needed(places):
            self.shelf.gather(places)
            return self._keys_of(artifact, digests)
        return _keys(artifact, objects, packs)


def _packs_needed(places: dict[bytes, PackPlace]) -> int:
    return 2 * sum(length for _, _, length in places.values()) // MOST_BYTES


def _keys(artifact: Artifact, objects: set[str], packs: set[str]) -> list[str]:
    packed = [key for name in sorted(packs) for key in (f"packs/{name}", f"packs/{name}.idx")]
    last = [f"objects/{artifact.digest}"] if artifact.kind == "folder" else []
    return sorted(f"objects/{one}" for one in objects) + packed + last
