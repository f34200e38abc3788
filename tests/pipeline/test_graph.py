"""Stages follow from each other by the paths they read and write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline.stages import named, stage
from trueup.errors import WrongUsage
from trueup.pipeline.graph import Cycle, graph_of, select


def test_a_stage_comes_after_the_one_that_makes_its_dependency() -> None:
    graph = graph_of(named(stage("use", deps="a"), stage("make", outs="a")))
    assert list(graph.stages) == ["make", "use"]
    assert graph.upstream["use"] == ("make",)
    assert graph.downstream["make"] == ("use",)


@pytest.mark.parametrize(
    ("dep", "out"), [("data", "data/a.csv"), ("data/a.csv", "data"), ("data", "data"), (".", "x/y")]
)
def test_a_folder_and_what_lies_in_it_are_joined(dep: str, out: str) -> None:
    graph = graph_of(named(stage("use", deps=dep), stage("make", outs=out)))
    assert graph.upstream["use"] == ("make",)


def test_names_that_only_begin_alike_are_not_joined() -> None:
    graph = graph_of(named(stage("use", deps="data2"), stage("make", outs="data")))
    assert graph.upstream["use"] == ()


def test_a_stage_may_read_the_folder_it_writes_into() -> None:
    graph = graph_of(named(stage("self", deps="data", outs="data/model")))
    assert graph.upstream["self"] == ()


def test_stages_that_wait_for_each_other_are_named_in_order() -> None:
    stages = named(
        stage("a", deps="c.out", outs="a.out"),
        stage("b", deps="a.out", outs="b.out"),
        stage("c", deps="b.out", outs="c.out"),
    )
    with pytest.raises(Cycle, match="wait for each other") as caught:
        graph_of(stages)
    arrows = caught.value.problem.split(": ")[1].split(" -> ")
    assert arrows[0] == arrows[-1]
    assert set(arrows) == {"a", "b", "c"}


def test_a_target_may_be_a_stage_a_group_or_an_output() -> None:
    graph = graph_of(
        named(stage("train@a", outs="m/a"), stage("train@b", outs="m/b"), stage("x", outs="d"))
    )
    assert select(graph, ["train@a"]) == {"train@a"}
    assert select(graph, ["train"]) == {"train@a", "train@b"}
    assert select(graph, ["d/"]) == {"x"}
    with pytest.raises(WrongUsage, match="Did you mean 'train@a'"):
        select(graph, ["train@aa"])


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=40), st.randoms())
def test_every_stage_comes_after_all_it_needs_whatever_the_order(
    arrows: list[tuple[int, int]], random: object
) -> None:
    down = {(min(a, b), max(a, b)) for a, b in arrows if a != b}
    stages = [
        stage(f"s{i}", deps=" ".join(f"o{a}" for a, b in down if b == i), outs=f"o{i}")
        for i in range(15)
    ]
    random.shuffle(stages)  # type: ignore[attr-defined] # a Random, as hypothesis gives it
    order = list(graph_of(named(*stages)).stages)
    assert sorted(order) == sorted(s.name for s in stages)
    assert all(order.index(f"s{a}") < order.index(f"s{b}") for a, b in down)


def test_a_chain_of_thousands_of_stages_is_no_trouble() -> None:
    chain = [stage(f"s{i}", deps=f"o{i - 1}" if i else "", outs=f"o{i}") for i in range(3000)]
    graph = graph_of(named(*reversed(chain)))
    assert list(graph.stages) == [f"s{i}" for i in range(3000)]
