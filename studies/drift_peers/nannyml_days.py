"""NannyML's univariate drift with its defaults, a chunk a day.

    python nannyml_days.py REFERENCE CURRENT

Prints a line of JSON for each day: the day, how many columns alert, and null for the table, of
which it says nothing.
"""

import json
import os
import sys

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # it would look for its server for seconds

import nannyml as nml  # type: ignore # not in this environment
import pandas as pd  # type: ignore # not in this environment

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
names = [name for name in reference.columns if name != "day"]
rows = int((current["day"] == 0).sum())
calculator = nml.UnivariateDriftCalculator(column_names=names, chunk_size=rows)
calculator.fit(reference)
found = calculator.calculate(current).filter(period="analysis").to_df(multilevel=True)
alerts = found.loc[:, [name for name in found.columns if name[-1] == "alert"]]
for day, many in enumerate(alerts.sum(axis=1).astype(int).tolist()):
    print(json.dumps([day, many, None]), flush=True)
