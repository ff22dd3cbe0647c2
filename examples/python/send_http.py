"""Sends events to Leeway over HTTP: no Kafka needed.

    pip install requests
    python send_http.py [--url http://127.0.0.1:8686] [--count 1000]

LEEWAY_URL and LEEWAY_TOKEN are taken from the environment.
"""

import argparse
import os
import sys
import time
import uuid

import requests

from scoring_events import scored_events

# A request has at most 5 MB; a thousand events of this size have about 400 kB.
BATCH = 1000


def send(session, url, events, attempts=8):
    """Sends one batch until it is answered, and returns the answer.

    The key makes it safe to send it again: whatever of it is stored already is not stored twice.
    """
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for attempt in range(attempts):
        try:
            answer = session.post(f"{url}/v1/events", json=events, headers=headers, timeout=60)
        except (requests.ConnectionError, requests.Timeout) as error:
            reason, wait = str(error), 2**attempt / 4
        else:
            if answer.status_code != 429 and answer.status_code < 500:
                answer.raise_for_status()
                return answer.json()
            reason, wait = f"{answer.status_code} {answer.text}", float(answer.headers.get("Retry-After", 2))
        if attempt + 1 < attempts:
            time.sleep(wait)
    raise SystemExit(f"{url} does not take events: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("LEEWAY_URL", "http://127.0.0.1:8686"))
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()

    session = requests.Session()
    if "LEEWAY_TOKEN" in os.environ:
        session.headers["Authorization"] = f"Bearer {os.environ['LEEWAY_TOKEN']}"
    stored, refused = 0, 0
    events = list(scored_events(options.count))
    for first in range(0, len(events), BATCH):
        answer = send(session, options.url, events[first : first + BATCH])
        stored += answer["stored"]
        for verdict in answer["verdicts"]:
            # One bad event costs the others nothing: it is named with its reason.
            if verdict["verdict"] == "dead_letter":
                refused += 1
                print(f"event {first + verdict['index']}: {verdict['reason']}: {verdict['detail']}", file=sys.stderr)
    print(f"{stored} events stored, {refused} refused")


if __name__ == "__main__":
    main()
