"""alibi-detect's TabularDrift on two tables, with its defaults, words as their numbers."""

import sys

import numpy as np
import pandas as pd  # type: ignore # not in this environment
from alibi_detect.cd import TabularDrift  # type: ignore # not in this environment

tables = [pd.read_parquet(path) for path in sys.argv[1:]]
names = list(tables[0].columns)
words = [name for name in names if name.startswith("word")]
for name in words:  # it takes numbers only
    known = pd.concat([one[name] for one in tables]).unique()
    places = pd.CategoricalDtype(known)
    for one in tables:
        one[name] = one[name].astype(places).cat.codes
reference, current = (one.to_numpy(np.float64) for one in tables)
detector = TabularDrift(
    reference, p_val=0.05, categories_per_feature={names.index(name): None for name in words}
)
print(detector.predict(current)["data"]["is_drift"])
