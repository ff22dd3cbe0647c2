"""What one writes by hand: KS and chi-square of every column with SciPy: scipy_tests.py REFERENCE CURRENT."""

import sys

import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
for name in reference.columns:
    if pd.api.types.is_numeric_dtype(reference[name]):
        ks_2samp(reference[name], current[name])
    else:
        counts = pd.concat([reference[name].value_counts(), current[name].value_counts()], axis=1).fillna(0)
        chi2_contingency(counts)
