"""NannyML's univariate drift on two tables, with its defaults, the second in ten chunks."""

import os
import sys

import nannyml as nml  # type: ignore # not in this environment
import pandas as pd  # type: ignore # not in this environment

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # it would look for its server for seconds
reference, current = (pd.read_parquet(path) for path in sys.argv[1:])
calculator = nml.UnivariateDriftCalculator(column_names=list(reference.columns), chunk_number=10)
calculator.fit(reference)
print(len(calculator.calculate(current).to_df()))
