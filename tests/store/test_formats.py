"""Stored records: the known format is read, what is newer or damaged is refused with a remedy."""

import msgspec
import pytest

from trueup.errors import NotProven, WrongUsage
from trueup.store.formats import Stored


class Note(msgspec.Struct):
    text: str
    format: int = 1


@pytest.mark.parametrize("codec", [msgspec.json, msgspec.msgpack])
def test_a_known_record_is_read_a_newer_or_a_damaged_one_is_refused(codec: object) -> None:
    encode, decoder = codec.encode, codec.Decoder(Note)  # type: ignore[attr-defined] # one of two
    notes: Stored[Note] = Stored(decoder, 1, "the note is", "not a note", remedy="Write it again")
    assert notes.read(encode({"text": "hello"}), "a/1").text == "hello"
    newer = encode({"another": "shape", "format": 2})
    with pytest.raises(WrongUsage, match="a/1: the note is of format 2, this trueup reads up to 1"):
        notes.read(newer, "a/1")
    with pytest.raises(NotProven, match="of format 2"):
        notes.read(newer, newer=NotProven)
    for damaged in (b"", b"\xc1", encode({"text": 3}), encode({"format": "1"}), encode([1])):
        with pytest.raises(NotProven, match="a/1: not a note: ") as refused:
            notes.read(damaged, "a/1")
        assert refused.value.remedy == "Write it again"
