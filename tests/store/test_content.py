"""Content: what is added comes back the same, and nothing damaged is ever given out."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.content import Place, tree, trees
from trueup.errors import NotProven, WrongUsage
from trueup.store.artifacts import Artifact
from trueup.store.hashing import SMALL_BYTES, ContentMissing


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "project")


@settings(max_examples=40)
@given(files=trees(), executable=st.sets(st.integers(0, 29)))
def test_whatever_is_added_comes_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], executable: set[int]
) -> None:
    place = Place(tmp_path_factory.mktemp("any"))
    place.fill(files)
    for at, name in enumerate(files):
        if at in executable:
            (place.root / "data" / name).chmod(0o755)
    artifact = place.content.add(Path("data"))
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")
    assert artifact.files == len(files)
    assert artifact.size_bytes == sum(map(len, files.values()))
    assert place.scanner.scan(Path("copy")) == artifact
    assert place.content.has(artifact)


@settings(max_examples=40)
@given(before=trees(), after=trees())
def test_a_checkout_over_another_folder_leaves_exactly_what_was_added(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    place = Place(tmp_path_factory.mktemp("any"))
    place.fill(after, "source")
    wanted = place.content.add(Path("source"))
    place.fill(before, "data")
    place.content.checkout(wanted, Path("data"))
    assert {path: body for path, (body, _) in tree(place.root / "data").items()} == after
    assert place.scanner.scan(Path("data")) == wanted


def test_large_and_small_files_lie_beside_each_other(place: Place) -> None:
    place.fill({f"{at}": os.urandom(100) for at in range(30)})
    place.write("data/large", os.urandom(SMALL_BYTES))
    place.write("data/larger", os.urandom(20 << 20))
    artifact = place.content.add(Path("data"))
    assert len(place.stored("objects")) == 3  # two files and the manifest
    assert len(place.stored("packs")) == 2
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")


@pytest.mark.parametrize("size_bytes", [0, 5, SMALL_BYTES - 1, SMALL_BYTES, 20 << 20])
def test_a_file_that_was_added_comes_back_the_same(place: Place, size_bytes: int) -> None:
    body = os.urandom(size_bytes)
    place.write("model.bin", body).chmod(0o755)
    artifact = place.content.add(Path("model.bin"))
    place.content.checkout(artifact, Path("there/model.bin"))
    assert (place.root / "there/model.bin").read_bytes() == body
    assert artifact.size_bytes == size_bytes
    assert artifact.executable
    assert place.scanner.scan(Path("there/model.bin")) == artifact


def test_a_users_edit_does_not_reach_the_store(place: Place) -> None:
    place.write("a", "first")
    artifact = place.content.add(Path("a"))
    place.write("a", "other")
    place.content.checkout(artifact, Path("a"))
    with (place.root / "a").open("r+") as file:
        file.write("third")
    assert place.content.read(artifact.digest) == b"first"


def test_what_was_never_added_is_missing(place: Place) -> None:
    for unknown in (Artifact("00" * 32, 3), Artifact("00" * 32, 3, "folder")):
        assert not place.content.has(unknown)
        with pytest.raises(ContentMissing):
            place.content.read(unknown.digest)
        with pytest.raises(ContentMissing):
            place.content.checkout(unknown, Path("x"))
        assert not (place.root / "x").exists()


def test_nothing_to_add_is_an_error_that_names_the_path(place: Place) -> None:
    with pytest.raises(WrongUsage, match="nowhere"):
        place.content.add(Path("nowhere"))


def test_an_empty_folder_has_a_name_of_its_own(place: Place) -> None:
    place.write("data/x/y", "gone")
    (place.root / "data/x/y").unlink()
    artifact = place.content.add(Path("data"))
    assert (artifact.files, artifact.size_bytes) == (0, 0)
    place.content.checkout(artifact, Path("copy"))
    assert (place.root / "copy").is_dir()
    assert not any((place.root / "copy").iterdir())


def test_a_few_small_files_are_objects_and_many_are_one_pack(place: Place) -> None:
    place.fill({str(at): str(at).encode() for at in range(15)})
    place.content.add(Path("data"))
    assert (len(place.stored("objects")), len(place.stored("packs"))) == (16, 0)
    place.fill({str(at): str(at).encode() for at in range(15, 31)})
    place.content.add(Path("data"))
    assert (len(place.stored("objects")), len(place.stored("packs"))) == (17, 2)


def test_bytes_that_are_held_are_not_written_again(place: Place) -> None:
    place.fill({str(at): b"the same" for at in range(100)})
    place.fill({str(at): str(at).encode() for at in range(100)}, "data/more")
    place.content.add(Path("data"))
    before = place.stored("packs"), place.stored("objects")
    place.write("data/again", "the same")
    place.reopen()
    place.content.add(Path("data"))
    after = place.stored("packs"), place.stored("objects")
    assert after[0] == before[0]
    assert len(after[1]) == len(before[1]) + 1  # the new manifest


def test_packs_are_closed_before_they_grow_beyond_64_mb(place: Place) -> None:
    body = os.urandom(SMALL_BYTES - 8)
    place.fill({str(at): at.to_bytes(4, "big") + body[4:] for at in range(600)})
    artifact = place.content.add(Path("data"))
    packs = [one for one in place.stored("packs") if not one.endswith(".idx")]
    sizes = [(place.root / ".trueup/store/packs" / one).stat().st_size for one in packs]
    assert len(packs) == 2
    assert max(sizes) <= 64 << 20
    place.reopen()
    assert place.content.has(artifact)


def test_a_folder_spread_over_more_than_32_packs_is_packed_again(place: Place) -> None:
    for turn in range(34):
        place.fill({f"{turn}/{at}": f"{turn} {at}".encode() for at in range(16)})
        artifact = place.content.add(Path("data"))
    keys = place.content.keys(artifact)
    assert len([key for key in keys if key.endswith(".idx")]) < 32
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")


def test_a_folder_that_needs_many_packs_is_not_packed_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("adding", "content", "shelf"):
        monkeypatch.setattr(f"trueup.store.{module}.MOST_BYTES", 2000)
    place.fill({str(at): at.to_bytes(2, "big") * 600 for at in range(40)})
    place.content.add(Path("data"))
    folder = place.root / ".trueup/store/packs"
    packs = {one.name: one.stat().st_ino for one in folder.iterdir()}
    assert len(packs) == 80
    place.reopen()
    place.content.add(Path("data"))
    assert {one.name: one.stat().st_ino for one in folder.iterdir()} == packs


def test_packs_that_are_less_than_half_alive_are_packed_again(place: Place) -> None:
    place.fill({str(at): str(at).encode() * 100 for at in range(60)})
    place.content.add(Path("data"))
    first = {name for name in place.stored("packs") if "." not in name}
    for at in range(20, 60):
        (place.root / f"data/{at}").unlink()
    few = place.content.add(Path("data"))
    place.fill({str(at): str(at).encode() * 100 for at in range(100, 140)}, "more")
    more = place.content.add(Path("more"))
    dead = place.content.repack([few, more])
    assert dead == [f"packs/{name}{suffix}" for name in first for suffix in ("", ".idx")]
    for key in dead:
        (place.root / ".trueup/store" / key).unlink()
    assert place.content.has(few)
    assert place.content.has(more)
    assert place.content.repack([few, more]) == []
    place.content.checkout(few, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")


def test_keys_name_parts_first_and_the_manifest_last(place: Place) -> None:
    place.fill({str(at): str(at).encode() for at in range(20)})
    place.write("data/large", os.urandom(SMALL_BYTES))
    artifact = place.content.add(Path("data"))
    keys = place.content.keys(artifact)
    assert keys[-1] == f"objects/{artifact.digest}"
    assert [key.split("/")[0] for key in keys] == ["objects", "packs", "packs", "objects"]
    assert keys[2] == f"{keys[1]}.idx"
    assert all((place.root / ".trueup/store" / key).is_file() for key in keys)


def test_a_file_that_lies_in_a_folders_pack_is_an_object_too_once_it_is_added_alone(
    place: Place,
) -> None:
    place.fill({str(at): str(at).encode() for at in range(20)})
    place.content.add(Path("data"))
    alone = place.content.add(Path("data/7"))
    assert place.content.keys(alone) == [f"objects/{alone.digest}"]


def test_small_bytes_are_kept_under_their_digest(place: Place) -> None:
    digest = place.content.add_bytes(b"lock")
    assert place.content.read(digest) == b"lock"
    assert place.content.add_bytes(b"lock") == digest


def test_a_manifest_that_leads_out_of_the_folder_is_refused(place: Place) -> None:
    import msgspec

    for path in ("../out", "a/../../out", "/etc/passwd", "a//b", "./a", "", "a/..", "x\0y"):
        rows = [(path, "00" * 32, 1, False)]
        digest = place.content.add_bytes(b"trueup manifest 1\n" + msgspec.msgpack.encode(rows))
        with pytest.raises(NotProven):
            place.content.checkout(Artifact(digest, 1, "folder"), Path("x"))


def test_a_manifest_of_a_newer_version_is_refused_by_name(place: Place) -> None:
    digest = place.content.add_bytes(b"trueup manifest 2\n...")
    with pytest.raises(WrongUsage, match="format 2"):
        place.content.checkout(Artifact(digest, 1, "folder"), Path("x"))


def test_the_digest_of_a_folder_is_the_one_that_the_format_says(place: Place) -> None:
    place.write("data/b/c", "2")
    place.write("data/a", "1").chmod(0o755)
    assert place.scanner.scan(Path("data")) == Artifact(
        "68ccd26705adc4bb536a3a2c261adfe2382795d43056e4252b8ffaa9152babbd",
        2,
        "folder",
        files=2,
    )
