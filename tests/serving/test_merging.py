"""Counts of several workers as one page: it never goes backwards, and Prometheus reads it."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.servers import RECORD, Server, httpx
from trueup.serving.workers.merging import Family, lasting, merged, read, without, written

KINDS = {"a_total": "counter", "b": "gauge", "trueup_model_info": "gauge"}

pages = st.dictionaries(
    st.tuples(st.sampled_from(list(KINDS)), st.sampled_from(["", '{x="1"}', '{x="a b"}'])),
    st.integers(0, 2**40).map(float),
).map(
    lambda of: {
        name: Family(name, kind, "Says.", {n + at: v for (n, at), v in of.items() if n == name})
        for name, kind in KINDS.items()
    }
)


@given(pages)
def test_what_was_written_is_read_again(page: dict[str, Family]) -> None:
    assert read(written(page)) == page


@given(st.lists(pages, min_size=1, max_size=4))
def test_whoever_is_asked_first_the_page_is_the_same(found: list[dict[str, Family]]) -> None:
    one, other = merged(found), merged(reversed(found))
    assert {name: family.samples for name, family in one.items()} == {
        name: family.samples for name, family in other.items()
    }


@given(pages, pages)
def test_counters_are_added_and_what_is_live_is_named_once(
    one: dict[str, Family], other: dict[str, Family]
) -> None:
    both = merged([one, other])
    for key, value in both["a_total"].samples.items():
        assert value == one["a_total"].samples.get(key, 0) + other["a_total"].samples.get(key, 0)
    info = both["trueup_model_info"].samples
    for key, value in info.items():
        assert value in (f["trueup_model_info"].samples.get(key) for f in (one, other))


@given(st.lists(pages, min_size=1, max_size=4))
def test_a_worker_that_ends_takes_its_gauges_with_it_and_no_count(
    found: list[dict[str, Family]],
) -> None:
    before = merged(found)["a_total"].samples
    after = merged([lasting(found[0]), *found[1:]])
    assert after["a_total"].samples == before
    assert "b" not in lasting(found[0])
    assert "a_total" not in without(after, ["a_total"])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_promtool_has_nothing_to_say_of_the_metrics(
    own_shop: Path, promtool: str, workers: str
) -> None:
    server = Server(own_shop, "sale@live", "--workers", workers)
    try:
        for record in (RECORD, {**RECORD, "shop": "never seen"}, {"shop": 1}):
            httpx.post(f"{server.url}/predict", json=[record])
        httpx.post(f"{server.url}/feedback", json={"id": "a", "label": 1})
        text = httpx.get(f"{server.url}/metrics").text
        done = subprocess.run(
            [promtool, "check", "metrics"], input=text, text=True, capture_output=True
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        assert text.count("trueup_build_info{") == 1
        parser = pytest.importorskip("prometheus_client.parser")
        assert len(list(parser.text_string_to_metric_families(text))) > 10
    finally:
        server.stop()
