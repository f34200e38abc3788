"""YAML is read with its places, as 1.2, within bounds."""

import contextlib
import json
import math
import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.config import yaml
from trueup.config.mistakes import ConfigInvalid
from trueup.config.scalars import ScalarError, resolve
from trueup.config.yaml import parse


def refusal(text: str | bytes) -> ConfigInvalid:
    with pytest.raises(ConfigInvalid) as caught:
        parse(text, "f.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *(("1e-3", 0.001), ("on", "on"), ("yes", "yes"), ("010", 10), ("0o10", 8), ("0x1F", 31)),
        *(("1_000", 1000), ("-0b11", -3), ("1:30", "1:30"), ("~", None), ("", None), (".5", 0.5)),
        *(("-.inf", -math.inf), ("True", True), ("tRUE", "tRUE"), ("0x_", "0x_"), ("._", "._")),
        ("2001-01-01", date(2001, 1, 1)),
    ],
)
def test_a_word_means_what_it_means_in_yaml_1_2(word: str, value: Any) -> None:
    read = resolve(word)
    assert (read, type(read)) == (value, type(value))


@given(st.integers())
def test_every_whole_number_is_read_back(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False))
def test_every_number_is_read_back(number: float) -> None:
    text = repr(number) if math.isfinite(number) else repr(number).replace("inf", ".inf")
    assert resolve(text) == number


@given(st.text(alphabet="0123456789-+._:eExXobTZ ", max_size=30))
def test_no_word_is_a_bug(word: str) -> None:
    with contextlib.suppress(ScalarError):
        assert resolve(word) is not NotImplemented


@pytest.mark.parametrize("word", ["2001-13-40", "9" * 5000, "2001-01-01 25:00:00"])
def test_a_word_that_only_looks_like_a_value_is_a_mistake(word: str) -> None:
    error = refusal(f"a: {word}")
    assert "quotes" in error.remedy
    assert error.place == "f.yaml:1:4 $.a"


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(TREES)
def test_json_is_yaml(tree: Any) -> None:
    # JSON writes no plain infinity, and escapes beyond the basic plane as two halves
    text = json.dumps(tree, ensure_ascii=False)
    if "Infinity" in text or not text.replace("\n", "").isprintable():
        return
    assert parse(text, "f.yaml").value == tree


def test_every_value_knows_its_place() -> None:
    document = parse("a:\n  - b\n  - {c: 1, d d: 2}\n", "f.yaml")
    assert str(document.place(("a", 1, "c"))) == "f.yaml:3:9 $.a[1].c"
    assert str(document.place(("a", 1, "d d"))) == "f.yaml:3:17 $.a[1]['d d']"
    assert str(document.place(("a",), of_key=True)) == "f.yaml:1:1 $.a"
    assert str(document.place(("a", 7, "x"))) == "f.yaml:2:3 $.a[7].x"


def test_what_an_alias_brings_stands_where_it_was_written() -> None:
    document = parse("x: &x {a: 1}\ny: {<<: *x, b: 2}\nz: *x\n", "f.yaml")
    assert document.value == {"x": {"a": 1}, "y": {"a": 1, "b": 2}, "z": {"a": 1}}
    assert document.place(("y", "a")).line == 1
    assert document.place(("z", "a")).line == 1


def test_a_key_of_its_own_wins_over_a_merged_one_and_the_first_merged_over_later_ones() -> None:
    text = "x: &x {a: 1}\nz: &z {a: 2, c: 3}\ny: {<<: [*x, *z], c: 4}"
    assert parse(text, "f.yaml").value["y"] == {"a": 1, "c": 4}


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1 $.a", "stands here twice (first on line 1)"),
        ("a: {b: 1, b: 2}", "f.yaml:1:11 $.a.b", "stands here twice"),
        ("a: !secret x", "f.yaml:1:4 $.a", "the tag '!secret' is not supported"),
        ("a: !!python/name:os.system", "f.yaml:1:4 $.a", "is not supported"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1 $", "a second YAML document"),
        ("%YAML 1.1\n---\na: on", "f.yaml:1:1 $", "only YAML 1.2"),
        ("a: *x", "f.yaml:1:4 $.a", "no anchor &x above"),
        ("a: &x [*x]", "f.yaml:1:8 $.a[0]", "*x stands inside itself"),
        ("a:\n\tb: 1", "f.yaml:2:1 $", "a tab stands where YAML wants spaces"),
        ("a: b: c", "f.yaml:1:5 $", "a second ': ' on one line"),
        ("a: [1,", "f.yaml:2:1 $", "YAML: did not find"),
        ("a: @x", "f.yaml:1:4 $", "cannot start any token"),
        ("a: 1\nb: \x01", "f.yaml:2:4 $", "a control character"),
        ("[1]: a", "f.yaml:1:1 $", "cannot be a key"),
        ("a: {<<: 3}", "f.yaml:1:9 $.a['<<']", "'<<' merges mappings, not 3"),
    ],
)
def test_broken_yaml_is_one_clear_error_with_its_place(text: str, place: str, problem: str) -> None:
    error = refusal(text)
    assert error.place == place
    assert problem in error.problem
    assert error.remedy


def test_mistakes_that_do_not_stop_the_reading_are_told_together() -> None:
    error = refusal("a: 1\na: 2\nb: !x 1\nc: 2001-99-99")
    assert [m.place.line for m in error.mistakes if m.place] == [2, 3, 4]


def test_bytes_that_are_not_utf_8_are_named_with_their_line() -> None:
    error = refusal(b"a: 1\nb: caf\xe9\n")
    assert error.place == "f.yaml:2:7 $"
    assert "0xe9" in error.problem


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    document = parse(b"\xef\xbb\xbfa: 1", "f.yaml")
    assert document.value == {"a": 1}
    assert document.place(("a",), of_key=True).column == 1


def bomb() -> str:
    lines = ["a: &a [" + ", ".join(["x"] * 9) + "]"]
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} [" + ", ".join([f"*{before}"] * 9) + "]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(bomb(), id="aliases of aliases"),
        pytest.param("[" * 100_000, id="lists in lists"),
        pytest.param("- " * 100_000, id="lists in lists by indentation"),
        pytest.param("a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60, id="a"),
        pytest.param("a: " + "x" * (yaml.MAX_BYTES + 1), id="too large"),
    ],
)
def test_yaml_that_would_unfold_beyond_bounds_is_refused_at_once(text: str) -> None:
    begun = time.monotonic()
    error = refusal(text)
    assert time.monotonic() - begun < 5
    assert len(str(error)) < 500


def test_three_megabytes_are_read() -> None:
    text = "".join(f"key{i}: some text that is no number {i}\n" for i in range(70_000))
    assert len(text) > 3_000_000
    assert len(parse(text, "f.yaml").value) == 70_000


def test_without_libyaml_everything_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    text = "a: [1e-3, on, {b: &x 'q', c: *x}]\n? d\n: |\n  é\n  z\n"
    quick = parse(text, "f.yaml")
    monkeypatch.setitem(sys.modules, "yaml._yaml", None)
    pure = parse(text, "f.yaml")
    assert pure.value == quick.value
    assert pure.place(("a", 2, "c")) == quick.place(("a", 2, "c"))
    assert refusal("a: \x01").place == "f.yaml:1:4 $"
    assert refusal("a: [").place
