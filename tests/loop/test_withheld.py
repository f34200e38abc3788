"""A hold-out in a loop: withheld, looked at, and given to a refit that no gate has judged."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.loop.shop import LIVE, ticked
from tests.loop.withheld import BEGIN, withheld
from tests.project.projects import opened
from trueup.loop.journal import Journal
from trueup.project import promoting
from trueup.project.registering import registry_of
from trueup.registry.refusals import Refused

AT = LIVE + timedelta(days=7, hours=5)


@pytest.mark.slow
def test_the_newest_rows_are_withheld_and_a_refit_gets_them_unjudged(tmp_path: Path) -> None:
    root = withheld(tmp_path, ", refit: true")
    ticked(root, LIVE + timedelta(days=1))
    done = ticked(root, AT)
    assert [(one.end, one.says) for one in done.carried] == [
        ("asked", "version 3 is a refit of version 2, not judged itself")
    ]
    assert 'train_until: "2026-01-26T04:17:00Z"' in (root / "params.yaml").read_text()
    history = registry_of(opened(root)).history("shop/sale")
    assert (history.version(2).refit_of, history.version(3).refit_of) == (None, 2)
    assert (len(history.verdicts(2)), history.verdicts(3)) == (1, ())
    with pytest.raises(Refused, match="has judged its recipe"):
        promoting.promote(opened(root), "shop/sale/3", promoting.Wanted())
    (course,) = Journal(opened(root).bucket, "shop/sale").history().courses.values()
    begins = course.decided.holdout_from
    assert begins is not None
    assert (f"{begins:%Y-%m-%dT%H:%M:%SZ}", course.decided.refit) == (BEGIN, True)

    raw = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(f'{raw}  cheats: "2026-01-26T08:00:00Z"\n')
    stopped = ticked(root, AT + timedelta(days=7))
    assert [one.end for one in stopped.carried] == ["failed"]
    assert stopped.carried[0].says.startswith(
        "trained on held-out rows: 6 of 854 rows of train.csv are in the hold-out,"
        " which begins at 2026-01-26 04:17 UTC"
    ), stopped.carried
    assert len(registry_of(opened(root)).history("shop/sale").versions) == 3
