"""deepchecks' FeatureDrift on two tables, with its defaults: it draws 100,000 rows of each."""

import sys

import pandas as pd  # type: ignore # not in this environment
from deepchecks.tabular import Dataset  # type: ignore # not in this environment
from deepchecks.tabular.checks import FeatureDrift  # type: ignore # not in this environment

tables = [pd.read_parquet(path) for path in sys.argv[1:]]
words = [name for name in tables[0].columns if name.startswith("word")]
reference, current = (Dataset(one, cat_features=words) for one in tables)
found = FeatureDrift().run(train_dataset=reference, test_dataset=current)
print(len(found.value))
