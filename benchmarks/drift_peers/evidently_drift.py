"""Evidently's DataDriftPreset on two tables, with its defaults."""

import sys

import pandas as pd  # type: ignore # not in this environment
from evidently import DataDefinition, Dataset, Report  # type: ignore # not in this environment
from evidently.presets import DataDriftPreset  # type: ignore # not in this environment

tables = [pd.read_parquet(path) for path in sys.argv[1:]]
texts = [name for name in tables[0].columns if name.startswith("word")]
numbers = [name for name in tables[0].columns if name not in texts]
definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
reference, current = (Dataset.from_pandas(one, data_definition=definition) for one in tables)
found = Report([DataDriftPreset()]).run(current, reference)
print(len(found.dict()["metrics"]))
