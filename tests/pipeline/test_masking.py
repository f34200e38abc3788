"""A secret's value does not pass, however the output is cut into chunks."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from trueup.pipeline.masking import Mask

SECRET = "s3cr3t/with space+plus"


@given(st.lists(st.integers(0, 60), max_size=8), st.text("ab \n", max_size=20))
def test_no_cut_lets_a_secret_through(cuts: list[int], around: str) -> None:
    text = f"{around}{SECRET}{around}\n{SECRET}".encode()
    mask = Mask([SECRET])
    shown, start = b"", 0
    for cut in sorted(min(cut, len(text)) for cut in cuts):
        shown += mask.feed(text[start:cut])
        start = cut
    shown += mask.feed(text[start:]) + mask.flush()
    assert SECRET.encode() not in shown
    assert shown == text.replace(SECRET.encode(), b"***")


def test_other_spellings_of_a_secret_are_masked_too() -> None:
    mask = Mask([SECRET])
    quoted = "s3cr3t%2Fwith%20space%2Bplus"
    coded = base64.b64encode(SECRET.encode()).decode()
    assert mask.whole(f"{quoted} {coded}".encode()) == b"*** ***"


def test_each_line_of_a_key_file_is_masked() -> None:
    mask = Mask(["-----BEGIN-----\nabcdef\n-----END-----"])
    assert b"abcdef" not in mask.feed(b"line abcdef\n") + mask.flush()


def test_without_secrets_nothing_is_held_back() -> None:
    assert Mask([]).feed(b"par") == b"par"
