"""Whatever the order and however many at a time: the same result, and nothing to do afterwards."""

import random
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.project.projects import opened, outcomes, ran, write
from trueup.pipeline.lock import read_lock
from trueup.project.running import status

_COUNT = 7
_arrows = st.sets(
    st.tuples(st.integers(0, _COUNT - 1), st.integers(0, _COUNT - 1)).filter(lambda a: a[0] < a[1]),
    max_size=12,
)


def _yaml(arrows: set[tuple[int, int]], order: list[int]) -> str:
    """Return a pipeline in which each stage concatenates what it depends on."""
    stages: dict[str, object] = {}
    for i in order:
        above = [f"o{a}" for a, b in sorted(arrows) if b == i]
        stages[f"s{i}"] = {
            "cmd": f"cat in {' '.join(above)} > o{i}; echo {i} >> o{i}",
            "deps": ["in", *above],
            "outs": [f"o{i}"],
        }
    tree = {"format": 1, "project": "law", "environment": {"key": "none"}, "stages": stages}
    return msgspec.json.encode(tree).decode()


@settings(max_examples=12)
@given(_arrows, st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_order_and_parallelism_change_no_digest(
    arrows: set[tuple[int, int]], jobs: int, other_jobs: int, shuffle: random.Random
) -> None:
    order = list(range(_COUNT))
    shuffled = shuffle.sample(order, len(order))
    locks = []
    for wanted, how_many in ((order, jobs), (shuffled, other_jobs)):
        with _folder() as root:
            write(root, {"trueup.yaml": _yaml(arrows, wanted), "in": "x\n"})
            assert set(outcomes(ran(root, jobs=how_many)).values()) == {"ran"}
            assert {step.action for step in status(opened(root))} == {"keep"}
            locks.append(read_lock(root))
    assert locks[0] == locks[1]


@settings(max_examples=12)
@given(
    _arrows,
    st.lists(
        st.one_of(
            st.tuples(st.just("edit"), st.integers(0, 2)),
            st.tuples(st.just("delete"), st.integers(0, _COUNT - 1)),
            st.tuples(st.just("spoil"), st.integers(0, _COUNT - 1)),
        ),
        max_size=4,
    ),
)
def test_after_any_edits_a_run_ends_where_a_fresh_one_would(
    arrows: set[tuple[int, int]], edits: list[tuple[str, int]]
) -> None:
    with _folder() as root, _folder() as fresh:
        write(root, {"trueup.yaml": _yaml(arrows, list(range(_COUNT))), "in": "x\n"})
        ran(root)
        for kind, number in edits:
            if kind == "edit":
                (root / "in").write_text(f"{number}\n")
                ran(root)
            elif kind == "delete":
                (root / f"o{number}").unlink(missing_ok=True)
            else:
                (root / f"o{number}").write_text("spoiled\n")
        ran(root)
        write(
            fresh,
            {"trueup.yaml": (root / "trueup.yaml").read_text(), "in": (root / "in").read_text()},
        )
        ran(fresh)
        assert read_lock(root) == read_lock(fresh)
        for i in range(_COUNT):
            assert (root / f"o{i}").read_bytes() == (fresh / f"o{i}").read_bytes()


class _folder:  # noqa: N801 - used as a word
    """A folder for one example; tmp_path is one for all examples of a test."""

    def __enter__(self) -> Path:
        import tempfile

        self._made = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        return Path(self._made.name)

    def __exit__(self, *_: object) -> None:
        self._made.cleanup()
