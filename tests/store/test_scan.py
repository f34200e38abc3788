"""The scanner: it never names content that is not there, and reads nothing twice."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.content import Place, opened, trees, watching
from tests.support.powers import without_root_powers
from trueup.errors import StageFailed, WrongUsage
from trueup.store import hashing, reading, scan
from trueup.store.artifacts import Artifact
from trueup.store.hashing import SMALL_BYTES, digest_bytes
from trueup.store.scan import Scanner


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "project")


def afresh(place: Place, path: str) -> Artifact | None:
    """Name what is at a path without any memory of it."""
    return Scanner(place.root, place.root / "no such state").scan(Path(path))


def test_nothing_is_none(place: Place) -> None:
    place.write("a", "1")
    assert place.scanner.scan(Path("nowhere")) is None
    assert place.scanner.scan(Path("no/where")) is None
    assert place.scanner.scan(Path("a/file/is/no/folder")) is None


def test_a_file_is_named_by_the_blake3_of_its_bytes(place: Place) -> None:
    place.write("a", "hello")
    place.write("large", b"x" * (9 << 20))
    assert place.scanner.scan(Path("a")) == Artifact(digest_bytes(b"hello"), 5)
    assert place.scanner.scan(place.root / "large") == Artifact(
        digest_bytes(b"x" * (9 << 20)), 9 << 20
    )


@settings(max_examples=40)
@given(files=trees(), times=st.lists(st.integers(0, 2**40), min_size=30, max_size=30))
def test_a_folders_name_depends_on_neither_order_nor_time_nor_place(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], times: list[int]
) -> None:
    place = Place(tmp_path_factory.mktemp("any"))
    place.fill(files, "one")
    place.fill(dict(reversed(files.items())), "two/deeper")
    for name, at in zip(files, times, strict=False):
        os.utime(place.root / "two/deeper" / name, ns=(at, at))
    assert place.scanner.scan(Path("one")) == place.scanner.scan(Path("two/deeper"))


@settings(max_examples=40)
@given(files=trees().filter(bool), data=st.data())
def test_a_folders_name_depends_on_each_byte_path_and_mode(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], data: st.DataObject
) -> None:
    place = Place(tmp_path_factory.mktemp("any"))
    place.fill(files)
    before = afresh(place, "data")
    path = place.root / "data" / data.draw(st.sampled_from(sorted(files)))
    match data.draw(st.sampled_from(["byte", "path", "mode"])):
        case "byte":
            path.write_bytes(path.read_bytes() + b"x")
        case "path":
            path.rename(path.with_name(".other"))
        case _:
            path.chmod(0o755)
    assert afresh(place, "data") != before


def test_what_has_not_changed_is_not_read_again(place: Place) -> None:
    place.fill({f"{at}": str(at).encode() for at in range(5)})
    place.write("alone", "1")
    place.wait_until_settled("data/4", "alone")
    found = [place.scanner.scan(Path(name)) for name in ("data", "alone")]
    place.scanner.save()
    place.reopen()
    with opened() as paths:
        assert [place.scanner.scan(Path(name)) for name in ("data", "alone")] == found
    assert paths == [f"{place.root}/.trueup/state/index"]


def test_of_a_folder_only_the_changed_files_are_read(place: Place) -> None:
    place.fill({f"{at}": str(at).encode() for at in range(5)})
    place.wait_until_settled("data/4")
    place.scanner.scan(Path("data"))
    place.scanner.save()
    place.reopen()
    place.write("data/3", "other")
    place.write("data/new", "new")
    (place.root / "data/1").unlink()
    with opened() as paths:
        found = place.scanner.scan(Path("data"))
    read = {Path(path).name for path in paths if "/data/" in path}
    assert read == {"3", "new"}
    assert found == afresh(place, "data")


def test_a_file_as_young_as_the_clock_is_coarse_is_read_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change within the same tick of the file system's clock would not show in the times."""
    for name in ("young", "data/young"):
        place.write(name, "1")
    written_ns = (place.root / "data/young").stat().st_ctime_ns
    with monkeypatch.context() as clock:  # a busy machine would let the tick pass
        for module in (hashing, reading, scan):
            clock.setattr(module, "now_ns", lambda: written_ns + 1, raising=False)
        for _ in range(2):
            with opened() as paths:
                place.scanner.scan(Path("young"))
                place.scanner.scan(Path("data"))
            read = [path for path in paths if path.endswith("young")]
            assert read == [f"{place.root}/young", f"{place.root}/data/young"]
            place.scanner.save()
            place.reopen()
    place.wait_until_settled("young", "data/young")
    place.scanner.scan(Path("young"))
    place.scanner.scan(Path("data"))
    place.scanner.save()
    place.reopen()
    with opened() as paths:
        place.scanner.scan(Path("young"))
        place.scanner.scan(Path("data"))
    assert not [path for path in paths if path.endswith("young")]


def test_a_file_from_the_future_is_never_trusted(place: Place) -> None:
    path = place.write("a", "1")
    os.utime(path, ns=(2**62, 2**62))
    place.scanner.scan(Path("a"))
    with opened() as paths:
        place.scanner.scan(Path("a"))
    assert str(path) in paths


_edits = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "sub/c"]),
        st.sampled_from(["same size", "other size", "remove", "swap", "mode", "reopen"]),
        st.booleans(),
    ),
    max_size=12,
)


@given(edits=_edits)
def test_the_memory_never_lies_whatever_is_edited_and_whatever_times_are_put_back(
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[str, str, bool]],
) -> None:
    place = Place(tmp_path_factory.mktemp("any"))
    place.fill({"a": b"0000", "b": b"1111", "sub/c": b"2222"})
    for turn, (name, edit, restore) in enumerate(edits):
        path = place.root / "data" / name
        times = path.stat() if path.exists() else None
        match edit:
            case "same size":
                place.write(f"data/{name}", f"{turn:04}")
            case "other size":
                place.write(f"data/{name}", "x" * turn)
            case "remove":
                path.unlink(missing_ok=True)
            case "swap" if path.exists():
                place.write("data/swapped", f"{turn:04}").replace(path)
            case "mode" if path.exists():
                path.chmod(0o755 if turn % 2 else 0o644)
            case "reopen":
                place.scanner.save()
                place.reopen()
        if restore and times and path.exists():
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        for one in ("data", f"data/{name}"):
            assert place.scanner.scan(Path(one)) == afresh(place, one)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign", "newer"])
def test_a_damaged_or_foreign_memory_is_ignored(place: Place, damage: str) -> None:
    place.fill({"a": b"1", "b": b"2"})
    place.wait_until_settled("data/b")
    found = place.scanner.scan(Path("data"))
    place.scanner.save()
    state = place.root / ".trueup/state"
    for path in [state / "index", *(state / "folders").iterdir()]:
        body = path.read_bytes()
        path.write_bytes(
            {
                "cut": body[: len(body) // 2],
                "flip": body[:-5] + bytes([body[-5] ^ 1]) + body[-4:],
                "empty": b"",
                "foreign": b"\x80\x04nonsense",
                "newer": body.replace(b"stat index 1", b"stat index 2"),
            }[damage]
        )
    place.reopen()
    place.write("data/a", "3")
    assert place.scanner.scan(Path("data")) == afresh(place, "data") != found
    place.scanner.save()


def test_what_has_long_gone_is_forgotten_once_the_memory_has_grown(place: Place) -> None:
    place.write("here/a", "1")
    place.write("gone/a", "1")
    for at in range(4200):
        place.write(f"many/{at}", "")
    place.wait_until_settled("many/4199")
    names = ["here", "gone", *(f"many/{at}" for at in range(4200))]
    for name in names:
        place.scanner.scan(Path(name))
    place.scanner.save()
    (place.root / "gone/a").unlink()
    (place.root / "gone").rmdir()
    before = (place.root / ".trueup/state/index").stat().st_size
    place.reopen()
    place.write("many/1", "new")
    place.scanner.scan(Path("many/1"))
    place.wait_until_settled("many/1")
    place.scanner.scan(Path("many/1"))
    for at in range(3000):
        (place.root / f"many/{at + 2}").unlink()
    place.scanner.save()
    assert (place.root / ".trueup/state/index").stat().st_size < before / 2
    assert len(list((place.root / ".trueup/state/folders").iterdir())) == 1


def test_two_scanners_that_save_keep_what_each_has_learnt(place: Place) -> None:
    place.write("a", "1")
    place.write("b", "2")
    place.wait_until_settled("a", "b")
    other = Scanner(place.root, place.root / ".trueup/state")
    place.scanner.scan(Path("a"))
    other.scan(Path("b"))
    place.scanner.save()
    other.save()
    place.reopen()
    with opened() as paths:
        place.scanner.scan(Path("a"))
        place.scanner.scan(Path("b"))
    assert not {Path(path).name for path in paths} & {"a", "b"}


def test_a_manifest_is_known_of_a_folder_that_was_only_scanned(place: Place) -> None:
    place.write("data/b/c", "12")
    place.write("data/a", "1").chmod(0o755)
    artifact = place.scanner.scan(Path("data"))
    assert artifact is not None
    found = place.scanner.manifest(artifact).entries
    assert [(one.path, one.size_bytes, one.executable) for one in found] == [
        ("a", 1, True),
        ("b/c", 2, False),
    ]
    assert found[1].digest == digest_bytes(b"12")


def test_our_own_folder_git_and_dvc_do_not_count(place: Place) -> None:
    place.write("data/a", "1")
    before = afresh(place, "data")
    for name in (".git/HEAD", ".dvc/config", ".trueup/x", ".trueup-part-1"):
        place.write(f"data/{name}", "x")
    assert afresh(place, "data") == before
    place.write("data/.hidden", "x")
    assert afresh(place, "data") != before


def test_a_link_within_the_project_stands_for_what_it_leads_to(place: Place) -> None:
    place.write("shared/a", "1")
    place.write("plain/a", "1")
    place.write("plain/sub/a", "1")
    place.write("linked/a", "1")
    (place.root / "linked/sub").symlink_to("../shared")
    (place.root / "top").symlink_to("linked")
    assert place.scanner.scan(Path("linked")) == place.scanner.scan(Path("plain"))
    assert place.scanner.scan(Path("top")) == place.scanner.scan(Path("plain"))
    place.write("shared/a", "2")
    assert place.scanner.scan(Path("linked")) != place.scanner.scan(Path("plain"))


def test_what_has_no_content_is_refused_by_name(place: Place, tmp_path: Path) -> None:
    place.write("data/a", "1")
    outside = tmp_path / "outside"
    outside.mkdir()
    odd = place.root / "data/odd"
    makers: dict[str, Callable[[], None]] = {
        "out of the project": lambda: odd.symlink_to(outside),
        "nowhere": lambda: odd.symlink_to("not there"),
        "circle": lambda: odd.symlink_to("../data"),
        "pipe": lambda: os.mkfifo(odd),
        "socket": lambda: _bound(odd),
    }
    for words, make in makers.items():
        make()
        for path in ("data", "data/odd") if words != "circle" else ("data",):
            with pytest.raises(WrongUsage, match=words) as caught:
                place.scanner.scan(Path(path))
            assert caught.value.place == str(odd)
            assert caught.value.remedy
        odd.unlink()


def _bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path has 107 characters at most
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def test_a_path_behind_a_linked_folder_that_leads_out_is_refused(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a").write_text("1")
    (place.root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(WrongUsage, match="out of the project"):
        place.scanner.scan(Path("link/a"))
    assert place.scanner.scan(tmp_path / "outside") is not None


def test_a_name_that_is_not_utf8_is_refused(place: Place) -> None:
    place.write("data/a", "1")
    Path(os.fsdecode(os.fsencode(place.root) + b"/data/\xff")).write_text("1")
    with pytest.raises(WrongUsage, match="not UTF-8") as caught:
        place.scanner.scan(Path("data"))
    assert "udcff" in (caught.value.place or "")
    with pytest.raises(WrongUsage, match="not UTF-8"):
        place.scanner.scan(Path(os.fsdecode(b"data/\xff")))


@pytest.mark.parametrize("size_bytes", [10, SMALL_BYTES * 2])
@pytest.mark.parametrize("keeps", [False, True])
def test_a_file_that_changes_whenever_it_is_read_is_an_error_that_names_it(
    place: Place, size_bytes: int, keeps: bool
) -> None:
    path = place.write("data/busy", b"x" * size_bytes)
    place.write("data/other", "1")

    def grow(name: str) -> None:
        if name == str(path):
            descriptor = os.open(name + "x", os.O_WRONLY | os.O_CREAT)
            os.close(descriptor)
            Path(name + "x").replace(name)

    with watching(grow), pytest.raises(StageFailed, match="changes while it is read") as caught:
        (place.content.add if keeps else place.scanner.scan)(Path("data"))
    assert caught.value.place == str(path)


def test_a_file_that_changes_only_once_while_it_is_read_is_read_again(place: Place) -> None:
    path = place.write("data/busy", "first")
    turns: list[str] = []

    def change(name: str) -> None:
        if name == str(path) and not turns:
            turns.append(name)
            path.write_text("other")

    with watching(change):
        found = place.content.add(Path("data"))
    assert found == afresh(place, "data")
    assert place.content.has(found)


def test_a_folder_may_change_while_it_is_walked(place: Place) -> None:
    place.fill({f"{at}/{at}": b"x" for at in range(200)})
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            place.write("data/3/new", "x")
            (place.root / "data/3/new").unlink()

    writer = threading.Thread(target=change)
    writer.start()
    try:
        for _ in range(5):
            with suppress(StageFailed):
                found = place.scanner.scan(Path("data"))
                assert found is not None
                assert found.files in (200, 201)
    finally:
        done.set()
        writer.join()


def test_an_unreadable_file_is_named(place: Place) -> None:
    path = place.write("data/secret", "x")
    path.chmod(0)
    with without_root_powers(), pytest.raises(WrongUsage, match="permission") as caught:
        place.scanner.scan(Path("data"))
    assert caught.value.place == str(path)
