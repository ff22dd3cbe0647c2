"""Writes batch scores with pandas, for `leeway ingest` and `leeway compare`.

    pip install pandas pyarrow
    python write_files.py [--folder .] [--count 5000]
    leeway ingest scores.parquet --model churn --positive yes --cohorts country
    leeway ingest outcomes.csv --model churn --labels
    leeway compare reference.csv current.csv
"""

import argparse
from pathlib import Path

import pandas as pd

from scoring_events import scored_events


def scores_frame(count, seed=1):
    """One row per prediction. Columns that are nothing else are features, so ids and times have telling names."""
    rows = [
        {
            "event_id": event["event_id"],
            "event_time": event["event_time"],
            "version": event["version"],
            "prediction": event["prediction"],
            "score": event["scores"]["yes"],
            **event["features"],
            **event["cohorts"],
        }
        for event in scored_events(count, seed=seed)
    ]
    frame = pd.DataFrame(rows)
    # A time with its zone: Parquet keeps it as it is, and to_csv writes +00:00.
    frame["event_time"] = pd.to_datetime(frame["event_time"], format="ISO8601", utc=True)
    return frame


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("."))
    parser.add_argument("--count", type=int, default=5000)
    options = parser.parse_args()

    scores = scores_frame(options.count)
    # Parquet keeps the types; in CSV an empty field is a missing value.
    scores.to_parquet(options.folder / "scores.parquet", index=False)

    outcomes = scores[["event_id"]].copy()
    outcomes["label"] = (scores["age"] < 35).map({True: "yes", False: "no"})
    outcomes["label_time"] = scores["event_time"] + pd.Timedelta(hours=2)
    outcomes[outcomes["label_time"] < pd.Timestamp.now(tz="UTC")].to_csv(options.folder / "outcomes.csv", index=False)

    reference, current = scores_frame(options.count, seed=2), scores_frame(options.count, seed=3)
    current["age"] += 5
    features = ["age", "plan", "monthly_fee"]
    reference[features].to_csv(options.folder / "reference.csv", index=False)
    current[features].to_csv(options.folder / "current.csv", index=False)
    print(f"scores.parquet, outcomes.csv, reference.csv and current.csv in {options.folder.resolve()}")


if __name__ == "__main__":
    main()
