"""Evidently's DataDriftPreset with its defaults, each day against the reference's last ones.

    python evidently_days.py REFERENCE CURRENT DAYS EVERY SECONDS

Prints a line of JSON for every so-many-th day, until the time is used up: the day, how many columns
have drifted, and whether the table has.
"""

import json
import sys
import time

import pandas as pd  # type: ignore # not in this environment
from evidently import DataDefinition, Dataset, Report  # type: ignore # not in this environment
from evidently.presets import DataDriftPreset  # type: ignore # not in this environment

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
days, every, seconds = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
reference = reference[reference["day"] > reference["day"].max() - days]
names = [name for name in reference.columns if name != "day"]
texts = [name for name in names if reference[name].dtype.name in ("object", "str", "category")]
definition = DataDefinition(
    numerical_columns=[name for name in names if name not in texts], categorical_columns=texts
)
whole = Dataset.from_pandas(reference[names], data_definition=definition)
ends = time.monotonic() + seconds
for day in range(0, int(current["day"].max()) + 1, every):
    window = Dataset.from_pandas(current[current["day"] == day][names], data_definition=definition)
    found = Report([DataDriftPreset()]).run(window, whole).dict()["metrics"]
    value = next(each["value"] for each in found if "DriftedColumns" in str(each))
    print(json.dumps([day, int(value["count"]), bool(value["share"] >= 0.5)]), flush=True)
    if time.monotonic() > ends:
        break
