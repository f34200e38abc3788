"""Look at everything in a bucket that may be removed, and tell what must stay."""

from collections.abc import Iterable
from datetime import datetime

from trueup.store.bucket import Bucket, Entry
from trueup.store.gcroots import Contents, Named, closure, named_in, read_all, runs_in

_FOREVER = ("models/", "loop/", "verdicts/", "reuse/", "converted/", "deployments/", "incidents/")
_LEFTOVERS = ("damaged/", "probes/")


class Survey:
    """One look at a bucket: what is there, and of that what nothing refers to."""

    def __init__(self, bucket: Bucket, contents: Contents, roots: Iterable[str]) -> None:
        self._bucket, self._contents = bucket, contents
        self._named = {Named(digest) for digest in roots}
        self.garbage: list[Entry] = []  # in the order in which it may be removed
        self.kept: list[Entry] = []

    def look(self, *, runs_since: datetime, young_since: datetime) -> None:
        """Fill garbage and kept; runs since then stay, and so does what young records name."""
        named_runs = self._read_forever()
        old_runs = self._split_runs(named_runs, runs_since)
        weak = self._read_cache(young_since)
        live = closure(self._named, self._contents)
        # Who refers goes before what it refers to: a crash in between leaves no record dangling.
        for entry, digests in weak:
            self._sort(entry, stays=digests <= live)
        self.garbage += old_runs
        self._split_content(live)
        for prefix in _LEFTOVERS:
            self.garbage += self._bucket.list(prefix)

    def _read_forever(self) -> set[str]:
        runs: set[str] = set()
        for prefix in _FOREVER:
            keys = [entry.key for entry in self._bucket.list(prefix)]
            for _, body in read_all(self._bucket, keys):
                self._named |= named_in(body)
                runs |= runs_in(body)
        return runs

    def _split_runs(self, named: set[str], since: datetime) -> list[Entry]:
        """Return what belongs to runs that are over; what the others name is to stay."""
        runs: dict[str, list[Entry]] = {}
        for top in ("runs/", "snapshots/runs/"):
            for entry in self._bucket.list(top):
                runs.setdefault(entry.key[len(top) :].split("/", 1)[0], []).append(entry)
        over: list[Entry] = []
        records: list[str] = []
        for run, entries in runs.items():
            if run not in named and max(entry.modified for entry in entries) < since:
                over += entries
                continue
            self.kept += entries
            records += [e.key for e in entries if e.key.startswith(f"runs/{run}/events/")]
        for _, body in read_all(self._bucket, records):
            self._named |= named_in(body)
        return over

    def _read_cache(self, young_since: datetime) -> list[tuple[Entry, set[str]]]:
        """Return old records of stages' results with what they name; young ones keep theirs."""
        entries = {entry.key: entry for entry in self._bucket.list("cache/")}
        weak = []
        for key, body in read_all(self._bucket, entries):
            named = named_in(body)
            if entries[key].modified >= young_since:
                self._named |= named
            # A stage's own key is a digest too, but of nothing that is kept.
            weak.append((entries[key], {one.digest for one in named if one.kind != "unknown"}))
        return weak

    def _split_content(self, live: set[str]) -> None:
        for entry in self._bucket.list("objects/"):
            self._sort(entry, stays=_name(entry) in live)
        packs: dict[str, list[Entry]] = {}
        for entry in self._bucket.list("packs/"):
            packs.setdefault(_name(entry), []).append(entry)
        needed = self._needed(packs, live)
        for name, entries in packs.items():
            # The index goes last: without it nobody could tell what is in a pack.
            for entry in sorted(entries, key=lambda entry: entry.key):
                self._sort(entry, stays=name in needed)

    def _needed(self, packs: Iterable[str], live: set[str]) -> set[str]:
        """Return the packs that live files are only to be had from, the fullest of life first.

        A pack whose live files were all packed again elsewhere is not among them; one that cannot
        be read is.
        """
        held = {name: self._contents.in_pack(name) for name in packs}
        needed = {name for name, digests in held.items() if digests is None}
        shares = []
        for name, digests in held.items():
            if digests is not None:
                inside = set(digests)
                shares.append((len(inside & live) / max(len(inside), 1), name, inside & live))
        covered: set[str] = set()
        for _, name, alive in sorted(shares, key=lambda share: (-share[0], share[1])):
            if not alive <= covered:
                needed.add(name)
                covered |= alive
        return needed

    def _sort(self, entry: Entry, *, stays: bool) -> None:
        (self.kept if stays else self.garbage).append(entry)


def _name(entry: Entry) -> str:
    """Return the digest of which this is the object, the pack, or what stands beside it."""
    return entry.key.rpartition("/")[2].partition(".")[0]
