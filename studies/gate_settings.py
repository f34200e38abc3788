"""The settings of the study of the gate's error rates, those worth most first.

How many pairs each has is fixed here, before any is drawn. A rate of 3.5 % needs about 2,000 for
its upper 99 % bound to lie below 6 % nearly always, one of 4.9 % about 10,000.
"""

from studies.settings import Setting

_COUNTED = ("f1", "balanced_accuracy", "matthews_corrcoef", "precision", "accuracy")

SETTINGS = (
    # days that follow each other, and groups
    Setting("30 days that follow each other", 3000, blocks=30, follow=0.5),
    Setting("60 days that follow each other", 3000, blocks=60, follow=0.5),
    Setting("8 groups", 1600, blocks=8, by="group", pairs=3000),
    Setting("14 unequal groups", 1400, blocks=14, by="group", unequal=True),
    # few events
    Setting("5 events", 2000, events=5, pairs=500),
    Setting("10 events", 2000, events=10),
    Setting("20 events", 2000, events=20),
    Setting("50 events", 2000, events=50),
    # other tasks
    Setting("regression, 200 rows", 200, "regression"),
    Setting("regression, heavy tails, 200 rows", 200, "heavy_regression"),
    Setting("regression, 14 days", 1400, "regression", blocks=14),
    Setting("regression, days that follow", 3000, "regression", blocks=30, follow=0.5),
    Setting("regression, heavy tails, 30 groups", 3000, "heavy_regression", blocks=30, by="group"),
    Setting("multiclass, 200 rows", 200, "multiclass"),
    Setting("multiclass, 14 days", 1400, "multiclass", blocks=14),
    Setting("ranking, 100 queries", 100, "ranking"),
    Setting("ranking, 280 queries in 14 days", 280, "ranking", blocks=14),
    # independent rows
    Setting("200 rows", 200),
    Setting("1,000 rows", 1000),
    Setting("ties", 1000, grid=0.5),
    Setting("identical but for the shift", 1000, alike=1.0),
    Setting("10,000 rows", 10_000, pairs=2500),
    # exact bounds of proportions, whose rates may lie next to what is declared
    Setting("proportions, 200 rows", 200, "decisions", pairs=15_000, exact=True),
    Setting("proportions, 20 events", 2000, "decisions", pairs=15_000, exact=True, events=20),
    Setting("proportions, 100,000 rows", 100_000, "decisions", pairs=9000, exact=True),
    Setting("decisions, 100,000 rows", 100_000, "decisions", metrics=_COUNTED),
    Setting("100,000 rows", 100_000, metrics=("roc_auc", "log_loss")),
    # more of the same
    Setting("8 days", 1600, blocks=8),
    Setting("14 days", 1400, blocks=14),
    Setting("14 days that follow each other", 1400, blocks=14, follow=0.5),
    Setting("30 unequal groups", 3000, blocks=30, by="group", unequal=True),
    Setting("60 groups", 3000, blocks=60, by="group"),
    Setting("60 days", 3000, blocks=60, metrics=("roc_auc", "accuracy", "precision", "log_loss")),
    Setting("50 events in 30 days", 3000, blocks=30, events=50),
    Setting("20 events in 14 groups", 1400, blocks=14, by="group", events=20),
    Setting(
        "30 days and 40 groups",
        3000,
        blocks=30,
        by="both",
        groups=40,
        metrics=("roc_auc", "accuracy", "log_loss"),
    ),
    Setting("nearly identical", 2000, alike=0.99),
    Setting("regression, heavy tails, 2,000 rows", 2000, "heavy_regression"),
    Setting("multiclass, 1,000 rows", 1000, "multiclass"),
    Setting("multiclass, 30 groups", 3000, "multiclass", blocks=30, by="group"),
    Setting("ranking, 500 queries", 500, "ranking"),
    Setting("60 days that follow each other closely", 3000, blocks=60, follow=0.8),
)
