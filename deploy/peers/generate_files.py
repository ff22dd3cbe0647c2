"""Two files that differ in one column, as Parquet and as CSV: generate_files.py DIRECTORY ROWS.

20 numeric columns (normal, skewed, whole numbers, rounded) and 10 categorical ones with 3 to 2,000 values; n0 is shifted
by 0.2 standard deviations in the current file.
"""

import sys

import numpy as np
import pandas as pd

CATEGORIES = [3, 5, 8, 12, 20, 50, 100, 300, 800, 2000]


def frame(seed: int, rows: int, shift: float) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    columns = {}
    for index in range(20):
        values = random.normal(size=rows)
        if index % 5 == 1:
            values = np.exp(0.8 * values)
        elif index % 5 == 3:
            values = np.round(values, 2)
        elif index % 5 == 4:
            values = random.poisson(4, size=rows)
        columns[f"n{index}"] = values
    columns["n0"] = columns["n0"] + shift
    for index, size in enumerate(CATEGORIES):
        weights = 1 / np.arange(1, size + 1)
        codes = random.choice(size, size=rows, p=weights / weights.sum())
        columns[f"c{index}"] = np.array([f"value_{code}" for code in range(size)], dtype=object)[codes]
    return pd.DataFrame(columns)


directory, rows = sys.argv[1], int(sys.argv[2])
for name, seed, shift in (("reference", 1, 0.0), ("current", 2, 0.2)):
    made = frame(seed, rows, shift)
    made.to_parquet(f"{directory}/{name}.parquet")
    made.to_csv(f"{directory}/{name}.csv", index=False)
