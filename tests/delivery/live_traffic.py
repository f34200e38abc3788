"""A project with a champion and a challenger, and live rows that both have answered."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tests.captures.rows import QUICK
from tests.delivery.test_delivering import said
from tests.project.projects import opened
from trueup.captures import shipping
from trueup.captures.records import Captured, Labelled, Role, Rules
from trueup.captures.spool import Spool
from trueup.project.registering import registry_of
from trueup.registry.records import Registered
from trueup.store.artifacts import Artifact

MODEL = "shop/sale"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATENCY = "                - {metric: latency_ms, at_most: 20, evidence: point}\n"


def challenger(
    root: Path,
    *,
    refit: bool = False,
    letter: str = "c",
    without: Sequence[str] = (),
    points: dict[str, float] | None = None,
) -> int:
    """Register one more version, of the first one's code and parts, and return its number."""
    with closing(opened(root)) as workspace:
        registry = registry_of(workspace)
        first = registry.history(MODEL).version(1)
        parts = {name: part for name, part in first.parts.items() if name not in without}
        if points:
            body = msgspec.json.encode(points)
            parts["points"] = Artifact(workspace.content.add_bytes(body, sync=True), len(body))
        wanted = Registered(
            at=first.at,
            by=first.by,
            version=0,
            model=Artifact(letter * 64, 10),
            code=first.code,
            lineage=first.lineage,
            parts=parts,
            refit_of=1 if refit else None,
        )
        return registry.register(MODEL, wanted)


def digest_of(root: Path, version: int) -> str:
    with closing(opened(root)) as workspace:
        return registry_of(workspace).history(MODEL).version(version).model.digest


class Traffic(msgspec.Struct, frozen=True):
    """Rows with a truth, and how much each version knows of it."""

    ids: list[str]
    truth: list[int]
    scores: dict[int, list[float]]  # by version
    shops: list[str]

    def part(self, start: int, stop: int) -> "Traffic":
        """Return some of the rows."""
        some = slice(start, stop)
        scores = {version: each[some] for version, each in self.scores.items()}
        return Traffic(self.ids[some], self.truth[some], scores, self.shops[some])


def traffic(rows: int, knows: dict[int, float], *, seed: int = 1, prefix: str = "p") -> Traffic:
    """Return rows on which versions know so much of the truth: 0 is nothing, 1 is all of it."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 2, rows)
    own = draw.normal(0, 0.2, rows)
    scores = {
        version: np.clip(
            0.5 + (truth - 0.5) * much + own + draw.normal(0, 0.02, rows), 0.01, 0.99
        ).tolist()
        for version, much in knows.items()
    }
    ids = [f"{prefix}-{k}" for k in range(rows)]
    return Traffic(ids, truth.tolist(), scores, ["ab"[k % 2] for k in range(rows)])


def answered(
    some: Traffic,
    version: int,
    role: Role,
    *,
    days: int = 1,
    begin: datetime = NOON,
    propensity: float = 0.0,
) -> Captured:
    """Return one version's answers, spread over days."""
    score = np.asarray(some.scores[version])
    step = timedelta(days=days) / max(1, len(some.ids))
    return Captured(
        *(MODEL, version, "d" * 64, [begin + k * step for k in range(len(some.ids))], some.ids),
        {"shop": some.shops, "near": score},
        {"prediction": (score > 0.5).astype(np.int64), "score": score},
        latency_s=0.001,
        role=role,
        propensity=propensity,
    )


def truths(ids: Sequence[str], truth: Sequence[Any]) -> Labelled:
    return Labelled(MODEL, list(ids), list(truth), NOON + timedelta(days=60))


def bring(root: Path, batches: Sequence[Captured | Labelled], rules: Rules | None = None) -> None:
    """Send batches through a spool to the project's bucket."""
    folder = root / ".trueup" / "a spool"
    spool = Spool(folder, QUICK, rules={MODEL: rules} if rules else None)
    for one in batches:
        assert spool.offer(one)
    assert spool.close()
    with closing(opened(root)) as workspace:
        shipping.ship(folder, workspace.bucket)


def shadowed(
    root: Path,
    some: Traffic,
    versions: tuple[int, int] = (1, 2),
    redact: tuple[str, ...] = (),
    **how: Any,
) -> None:
    """Let one version answer and the other one predict beside it, and label everything."""
    batches: list[Captured | Labelled] = [
        answered(some, versions[0], "champion", **how),
        answered(some, versions[1], "shadow", **how),
        truths(some.ids, some.truth),
    ]
    bring(root, batches, Rules(redact))


def configure(root: Path, old: str, new: str) -> None:
    path = root / "trueup.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def with_champion(root: Path) -> None:
    """Run a project whose first model becomes champion, with a rule that captures can answer."""
    path = root / "trueup.yaml"
    path.write_text("".join(x for x in path.read_text().splitlines(True) if "latency" not in x))
    assert said(root, "run").exit_code == 0
