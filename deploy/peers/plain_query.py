"""One plain query a file to the same engine: deciles of numbers, counts of categories: plain_query.py REFERENCE CURRENT."""

import sys

import chdb
import pyarrow.parquet as parquet

LEVELS = ", ".join(str(level / 10) for level in range(1, 10))

for path in sys.argv[1:3]:
    columns = [
        f"sumMap(map(assumeNotNull({field.name}), 1))" if str(field.type).endswith("string") else f"quantilesExact({LEVELS})({field.name})"
        for field in parquet.read_schema(path)
    ]
    result = chdb.query(f"SELECT {', '.join(columns)} FROM file('{path}', Parquet)", "JSONEachRow")
    assert result.rows_read() > 0
