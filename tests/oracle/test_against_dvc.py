"""DVC as the oracle: the same project, the same change, the same plan and the same result.

Every project of the corpus is laid out twice. After each of its steps both tools look and both
run; what they read, what they would run, what they ran and every byte they leave is compared.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.corpus import Differs, Example, Step, apply, contents, examples, lay_out
from tests.oracle.peers import Done, Dvc, Seen, Trueup

pytestmark = pytest.mark.oracle

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "from-dvc.md"


@pytest.fixture(scope="session")
def peer(dvc: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dvc]:
    with Dvc(dvc, tmp_path_factory.mktemp("dvc")) as running:
        yield running


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Trueup:
    return Trueup(tmp_path_factory.mktemp("trueup"))


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_plans_and_results_are_those_of_dvc(
    example: Example, peer: Dvc, ours: Trueup, tmp_path: Path
) -> None:
    theirs_at, ours_at = tmp_path / "theirs" / "project", tmp_path / "ours" / "project"
    for root in (theirs_at, ours_at):
        lay_out(example, root)
    peer.begin(theirs_at)
    ran = False
    for number, step in enumerate(example.all_steps()):
        if number:
            apply(step, theirs_at)
            apply(step, ours_at)
        theirs, mine = peer.look(theirs_at), ours.look(ours_at)
        done = peer.run(theirs_at, step)
        did = ours.run(ours_at, step)
        where = f"{example.name}: {step.does}"
        assert done.ok != step.refused, f"{where}: DVC says {done.said}"
        _compare_outcomes(where, step, done, did)
        if not step.refused and not step.differs:
            _compare_plans(where, theirs, mine)
        if did.ok and theirs.ok:
            _compare_commands(where, step, ours.commands(ours_at), theirs.stages)
        if did.ok and done.ok and not (step.differs and step.differs.ran):
            assert contents(ours_at) == contents(theirs_at), where
        ran = ran or bool(done.ran)
    assert ran or example.vacuous or all(step.refused for step in example.all_steps())


def _compare_outcomes(where: str, step: Step, done: Done, did: Done) -> None:
    differs = step.differs or Differs(why="")
    refused = step.refused if differs.refused is None else differs.refused
    assert did.ok != refused, f"{where}: trueup says {did.said}"
    if refused:
        assert did.exit_code in (2, 6), f"{where}: {did.exit_code}: {did.said}"
        assert did.said.strip(), where
        assert "Traceback" not in did.said, did.said
    elif differs.ran is not None:
        assert sorted(did.ran) == sorted(differs.ran), where
    elif done.ok:
        # A result that DVC's run cache does not hold (it needs a dependency) may still be in ours,
        # and an output that DVC left alone may be found again: the bytes are compared elsewhere.
        assert did.ran <= done.ran, f"{where}: ran {did.ran}, DVC only {done.ran}"
        assert done.ran | done.restored <= did.ran | did.restored, where


def _compare_plans(where: str, theirs: Seen, mine: Seen) -> None:
    assert theirs.ok, f"{where}: {theirs.said}"
    assert mine.ok, f"{where}: {mine.said}"
    # Each tool foresees what another stage's work leads to in its own way: trueup what a run may
    # reach, DVC what a lost output disturbs. Whatever only one names must follow something named.
    for name in mine.pending ^ theirs.pending:
        named = mine.pending & theirs.upstream[name]
        assert named, f"{where}: {mine.pending} against {theirs.pending}, and why {name}?"


def _compare_commands(
    where: str, step: Step, ours: dict[str, list[str]], theirs: dict[str, list[str]]
) -> None:
    if not step.targets:
        assert theirs.keys() <= ours.keys(), where
    for name in theirs.keys() & ours.keys():
        assert ours[name] == theirs[name], where


def test_every_difference_is_told_in_the_docs() -> None:
    told = DOCS.read_text("utf-8").lower()
    for example in examples():
        for step in example.all_steps():
            if step.differs:
                assert step.differs.why.lower() in told, step.differs.why
