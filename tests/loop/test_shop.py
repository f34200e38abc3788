"""A loop from end to end on a real project: schedule, guard, retrain, gate, promotion."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.loop.shop import LIVE, said, shop, ticked
from tests.project.projects import opened
from trueup.project.registering import registry_of

WEEKLY = '{schedule: "17 4 * * 1", do: retrain}'


def test_a_schedule_retrains_judges_and_promotes_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shop(tmp_path, WEEKLY)
    registry = registry_of(opened(root))
    assert registry.history("shop/sale").champion("dev") == 1
    assert not ticked(root, LIVE + timedelta(days=1)).carried
    due = LIVE + timedelta(days=7, hours=5)
    dry = ticked(root, due, dry_run=True)
    assert [one.do for one in dry.decision.actions] == ["retrain"]  # type: ignore[union-attr] # no incident
    done = ticked(root, due)
    assert [one.end for one in done.carried] == ["promoted"], done
    assert 'until: "2026-01-26T04:17:00Z"' in (root / "params.yaml").read_text()
    assert registry.history("shop/sale").champion("dev") == 2
    again = ticked(root, due + timedelta(minutes=1))
    assert (again.decision.actions, again.carried) == ((), ())
    assert said(root, "loop", "explain", "sale", "--now", "2026-01-26T06:00:00Z") in (0, None)
    told = capsys.readouterr().out
    assert "promoted" in told
    assert "not due before 2026-02-02 04:17 UTC" in told
