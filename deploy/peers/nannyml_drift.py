"""NannyML's univariate drift with its default methods: nannyml_drift.py REFERENCE CURRENT."""

import sys

import nannyml
import pandas as pd

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference.columns))
calculator.fit(reference)
calculator.calculate(current).to_df()
