"""Events of a small model, as a scoring service would make them: what the other examples send.

The words are those of docs/events.md.
"""

import random
import uuid
from datetime import datetime, timedelta, timezone


def scored_events(count, model="churn", days=7, seed=1):
    """`count` events over the last `days` days, oldest first."""
    chance = random.Random(seed)
    start = datetime.now(timezone.utc) - timedelta(days=days)
    for number in range(count):
        age = chance.gauss(40, 12)
        churns = min(0.99, max(0.01, 0.8 - age / 100 + chance.gauss(0, 0.1)))
        yield {
            # Chosen by you, once per prediction; labels refer to it later.
            "event_id": str(uuid.UUID(int=chance.getrandbits(128))),
            "model": model,
            "version": "2026-11-01",
            # RFC 3339 with a zone, or milliseconds since 1970.
            "event_time": (start + timedelta(days=days) * (number / count)).isoformat(),
            # Numbers, strings, booleans, or None where a value is missing (never NaN: JSON has none).
            "features": {
                "age": round(age, 1),
                "plan": chance.choice(["basic", "plus", "pro"]),
                "monthly_fee": None if chance.random() < 0.02 else round(chance.uniform(5, 90), 2),
            },
            "prediction": "yes" if churns > 0.5 else "no",
            "scores": {"yes": round(churns, 4)},
            # To slice by, without being a feature.
            "cohorts": {"country": chance.choice(["DE", "NL", "US"])},
        }
