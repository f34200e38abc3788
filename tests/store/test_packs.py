"""Packs and their indexes: every file is found where it lies, and damage is noticed."""

from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from trueup.store.packs import PACK_MAGIC, PackWriter, decode_index, index_of, rebuilt_index

BODIES = st.lists(st.binary(max_size=50), unique=True, max_size=40)


def packed(folder: Path, bodies: list[bytes]) -> tuple[Path, str, bytes]:
    """Write a pack; return its path, its name and the bytes of its index."""
    writer = PackWriter(str(folder / "pack"))
    for body in bodies:
        writer.add(blake3(body).digest(), body)
    name, index = writer.close()
    return folder / "pack", name, index.encode()


@given(bodies=BODIES)
def test_each_file_is_found_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]
) -> None:
    path, name, encoded = packed(tmp_path_factory.mktemp("pack"), bodies)
    whole, index = path.read_bytes(), decode_index(encoded)
    assert blake3(whole).hexdigest() == name
    for body in bodies:
        offset, length = index.find(blake3(body).digest()) or (0, 0)
        assert whole[offset : offset + length] == body
    assert index.find(blake3(b"something that is too long to be drawn, " * 2).digest()) is None
    assert list(index.digests()) == sorted(blake3(body).digest() for body in bodies)
    if bodies:
        assert index.end_bytes() == len(whole)


@given(bodies=BODIES)
def test_an_index_made_from_the_pack_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]
) -> None:
    path, _, encoded = packed(tmp_path_factory.mktemp("pack"), bodies)
    assert rebuilt_index(str(path)).encode() == encoded


@given(bodies=BODIES, wanted=st.sets(st.integers(0, 60)))
def test_of_many_digests_those_in_the_pack_are_picked(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], wanted: set[int]
) -> None:
    _, _, encoded = packed(tmp_path_factory.mktemp("pack"), bodies)
    index = decode_index(encoded)
    asked = {blake3(bodies[at] if at < len(bodies) else bytes([at] * 60)).digest() for at in wanted}
    held = {blake3(body).digest() for body in bodies}
    assert {row[0] for row in index.among(asked)} == asked & held


def test_digests_that_begin_alike_are_told_apart() -> None:
    rows = [(b"12345678" + bytes([at]) * 24, at, at + 1) for at in range(20)]
    index = index_of(reversed(rows))
    assert [index.find(digest) for digest, _, _ in rows] == [row[1:] for row in rows]
    assert index.find(b"12345678" + b"\xff" * 24) is None
    assert index.find(b"12345678" + b"\x00" * 23 + b"\x01") is None


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_in_an_index_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    _, _, encoded = packed(tmp_path_factory.mktemp("pack"), [b"one", b"two", b"three"])
    damaged = bytearray(encoded)
    damaged[at % len(damaged)] ^= 1 << bit
    with pytest.raises(ValueError, match="index"):
        decode_index(bytes(damaged))


@pytest.mark.parametrize("body", [b"", b"nonsense", PACK_MAGIC + b"12345"])
def test_what_is_no_pack_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "pack").write_bytes(body)
    with pytest.raises(ValueError, match="pack"):
        rebuilt_index(str(tmp_path / "pack"))
