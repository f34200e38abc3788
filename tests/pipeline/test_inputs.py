"""A key depends on nothing but what is declared."""

import string
from datetime import date
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline.stages import stage
from trueup.pipeline.inputs import Inputs, Locked, inputs_of, key_of, plain
from trueup.pipeline.reasons import differences

_names = st.text(string.ascii_lowercase, min_size=1, max_size=4)
_digests = st.sampled_from(["0" * 64, "1" * 64, "2" * 64])
_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, -1.5, float("nan"), float("inf")]),
    st.sampled_from(["1", "nan", "true", "2013-01-01", ""]),
    st.just(date(2013, 1, 1)),
)
_inputs = st.builds(
    lambda deps, params, env, cmd: inputs_of(
        stage("s", outs="o", env=env), deps, {"params.yaml": params}, {"python": cmd}
    ),
    st.dictionaries(_names, _digests, max_size=4),
    st.dictionaries(_names, _values, max_size=4),
    st.dictionaries(_names, _names, max_size=2),
    _names,
)


@given(_inputs, st.randoms())
def test_the_order_of_declaration_changes_no_key(inputs: Inputs, random: Any) -> None:
    def shuffled(mapping: dict[str, Any]) -> dict[str, Any]:
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    again = Inputs(
        cmd=inputs.cmd,
        wdir=inputs.wdir,
        deps=shuffled(inputs.deps),
        params={file: shuffled(keys) for file, keys in inputs.params.items()},
        env=shuffled(inputs.env),
        environment=shuffled(inputs.environment),
        outs=inputs.outs,
    )
    assert key_of(again) == key_of(inputs)


@given(_inputs)
def test_a_key_is_the_same_however_its_inputs_came_to_be_read(inputs: Inputs) -> None:
    again = msgspec.json.decode(msgspec.json.encode(inputs), type=Inputs)
    assert key_of(again) == key_of(inputs)


@given(_inputs, _inputs)
def test_keys_are_equal_exactly_where_nothing_differs(one: Inputs, other: Inputs) -> None:
    reasons = differences(Locked(key_of(one), one, {}), other)
    assert (key_of(one) == key_of(other)) == (not reasons)


def test_values_that_json_would_confuse_have_different_keys() -> None:
    values = [1, 1.0, True, "1", None, "", float("nan"), "nan", date(2013, 1, 1), "2013-01-01", {}]
    keys = [key_of(Inputs(("c",), params={"p": {"x": plain(value)}})) for value in values]
    assert len(set(keys)) == len(values)


def test_secrets_retries_and_descriptions_are_not_keyed() -> None:
    bare = inputs_of(stage("s"), {}, {}, {})
    rich = inputs_of(
        stage("s", secrets=("TOKEN",), retries=3, timeout_s=1.0, desc="words"), {}, {}, {}
    )
    assert key_of(bare) == key_of(rich)
