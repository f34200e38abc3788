"""Who answers, and who is explored: by a hash, so alike on every replica and after a restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy")

from tests.serving.servers import RECORD, Server, said
from trueup.serving.routing import Choice, Routing, chosen, disagreement, drawn

Eventually = Callable[..., None]
MODEL = "shop/sale"
texts = st.text(max_size=12)
shares = st.floats(0.0, 1.0)


@given(st.lists(texts, min_size=1, max_size=9, unique=True), shares, shares)
def test_the_same_request_meets_the_same_version_and_a_larger_share_takes_it_from_nobody(
    keys: list[str], one: float, other: float
) -> None:
    small, large = (Routing(MODEL, share, "shop") for share in sorted((one, other)))
    ids = [f"id-{k}" for k in range(len(keys))]
    assert chosen(small, ids, keys) == chosen(small, ids, keys)
    if chosen(small, ids, keys).challenger:
        assert chosen(large, ids, keys).challenger


@settings(max_examples=20)
@given(shares, st.sampled_from(["share", "explore"]))
def test_as_many_keys_are_inside_as_the_share_says(share: float, purpose: Any) -> None:
    inside = sum(drawn(MODEL, purpose, str(k)) < share for k in range(4000))
    assert abs(inside / 4000 - share) < 5 * 0.5 / 4000**0.5


def test_models_and_purposes_draw_apart() -> None:
    draws = {
        (model, purpose): np.array([drawn(model, purpose, str(k)) for k in range(3000)])
        for model in ("a", "b")
        for purpose in ("share", "explore")
    }
    first = draws["a", "share"]
    for name, other in draws.items():
        if name != ("a", "share"):
            assert abs(np.corrcoef(first, other)[0, 1]) < 0.1


@given(st.lists(texts.filter(bool), min_size=2, max_size=6), shares)
def test_a_key_outside_of_the_share_never_meets_the_challenger(
    keys: list[str], share: float
) -> None:
    found = chosen(Routing(MODEL, share, "shop"), [str(k) for k in range(len(keys))], keys)
    inside = [drawn(MODEL, "share", key) < share for key in keys]
    assert found.challenger == (bool(share) and all(inside))
    assert found.mixed == (any(inside) and not all(inside))


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_a_row_without_a_key_is_drawn_by_its_id(missing: object) -> None:
    routing = Routing(MODEL, 0.5, "shop")
    for k in range(50):
        without = chosen(routing, [f"id-{k}"], [missing])
        assert without == chosen(routing, [f"id-{k}"], None)


def test_a_number_is_one_key_however_it_is_written() -> None:
    routing = Routing(MODEL, 0.5, "shop")
    for k in range(50):
        found = {chosen(routing, ["x"], [one]).challenger for one in (k, float(k), str(k))}
        assert len(found) == 1


def test_rows_are_explored_each_by_its_own_id_whoever_answers() -> None:
    ids = [f"id-{k}" for k in range(500)]
    together = chosen(Routing(MODEL, explore=0.1), ids)
    alone = [chosen(Routing(MODEL, share=0.5, explore=0.1), [one]) for one in ids]
    assert together == Choice(explored=tuple(k for k, one in enumerate(alone) if one.explored))
    assert 20 < len(together.explored) < 80


def test_disagreement_is_of_decisions_and_of_scores() -> None:
    one = {"prediction": np.array([0, 1, 1]), "score": np.array([0.1, 0.6, 0.9])}
    other = {"prediction": np.array([0, 0, 1]), "score": np.array([0.2, 0.4, np.nan])}
    found = disagreement(one, other)
    assert (found.rows, found.decided, found.differing, found.scored) == (3, 3, 1, 2)
    assert found.difference == pytest.approx(0.3)
    words = {"prediction": np.array(["a", None], object)}
    assert disagreement(words, {"prediction": np.array(["a", "b"], object)}).differing == 1
    amounts = {"prediction": np.array([1.0, 2.5])}
    found = disagreement(amounts, {"prediction": np.array([1.0, 2.0])})
    assert (found.decided, found.scored, found.difference) == (0, 2, 0.5)


def on_trial(root: Path, how: str) -> None:
    """Configure a challenger and put version 2 there."""
    path = root / "trueup.yaml"
    path.write_text(path.read_text() + f"      challenger: {{{how}}}\n")
    said(root, "alias", "sale/2", "challenger")


def versions(server: Server, keys: list[str]) -> dict[str, int]:
    """Return the version that answers each visitor."""
    return {key: server.predict({**RECORD, "visitor": key})["version"] for key in keys}


def test_a_share_sticks_to_a_column_that_is_no_input_also_after_a_restart(
    own_shop: Path, eventually: Eventually
) -> None:
    on_trial(own_shop, "share: 0.5, sticky_by: visitor")
    keys = [f"visitor-{k}" for k in range(60)]
    expected = {one: 2 if drawn(MODEL, "share", one) < 0.5 else 1 for one in keys}
    for _ in range(2):
        server = Server(own_shop, "sale@live")
        try:
            eventually(lambda server=server: challenger_of(server) == 2)
            assert versions(server, keys) == versions(server, keys) == expected
            both = [{**RECORD, "visitor": one} for one in keys]
            assert server.predict(*both)["version"] == 1
            assert server.metric('trueup_challenger_mixed_requests_total{model="sale"}') == 1
        finally:
            assert server.stop() == 0


def test_every_protocol_names_the_version_that_has_answered(
    own_shop: Path, eventually: Eventually
) -> None:
    on_trial(own_shop, "share: 1.0, explore: 100%")
    server = Server(own_shop, "sale@live")
    try:
        eventually(lambda: challenger_of(server) == 2)
        answer = server.client.post("/predict", json=[RECORD])
        assert (answer.json()["version"], answer.headers["x-model-version"]) == (2, "2")
        assert answer.json()["explore"] == answer.json()["ids"]
        inputs = [
            {"name": name, "shape": [1], "datatype": kind, "data": [RECORD[name]]}
            for name, kind in (("shop", "BYTES"), ("near", "FP64"), ("staff", "INT64"))
        ]
        infer = server.client.post("/v2/models/sale/infer", json={"inputs": inputs}).json()
        assert infer["model_version"] == "2"
        assert infer["parameters"]["explore"] == infer["parameters"]["ids"]
        asked = {"dataframe_records": [RECORD]}
        invoked = server.client.post("/invocations", json=asked)
        assert invoked.headers["x-model-version"] == "2"
        assert invoked.json()["explore"] == invoked.json()["ids"]
        exact = server.client.post("/predict/sale/1", json=[RECORD]).json()
        assert exact["version"] == 1
    finally:
        server.stop()


def challenger_of(server: Server) -> Any:
    """Return the version on trial, as the metadata have it."""
    return server.client.get("/v2/models/sale").json()["parameters"]["challenger"]


def test_explored_rows_are_told_and_captured_with_their_propensity_whatever_is_sampled(
    own_shop: Path, eventually: Eventually
) -> None:
    on_trial(own_shop, "explore: 10%")
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text() + "      capture: {sample: 0.2}\n")
    ids = [f"id-{k}" for k in range(300)]
    server = Server(own_shop, "sale@live")
    try:
        eventually(lambda: challenger_of(server) == 2)
        body = {"records": [RECORD] * 300, "ids": ids}
        told = server.client.post("/predict", json=body).json()["explore"]
        shadows = 'trueup_shadow_rows_total{model="sale",result="compared"}'
        eventually(lambda: server.metric(shadows) == len(told))
    finally:
        assert server.stop() == 0
    assert told == [one for one in ids if drawn(MODEL, "explore", one) < 0.1]
    frame = captured(own_shop)
    explored = frame.filter(frame["role"] == "explore")
    assert explored["id"].to_list() == told
    assert set(explored["propensity"]) == {0.1}
    shadowed = frame.filter(frame["role"] == "shadow")
    assert sorted(shadowed["id"]) == sorted(told)
    assert set(shadowed["version"]) == {2}
    rest = frame.filter(frame["role"] == "champion")
    assert 20 < rest.height < 100
    assert rest["propensity"].null_count() == rest.height


def captured(root: Path) -> Any:
    """Return everything that was captured."""
    from trueup.captures.reading import captures
    from trueup.project.workspace import open_workspace

    return captures(open_workspace(root, {}).bucket, MODEL).collect()
