"""Sends events to the Kafka topic that Leeway reads.

    pip install kafka-python
    python send_kafka.py [--brokers localhost:9092] [--topic leeway.events] [--count 1000]

KAFKA_BROKERS is taken from the environment.
"""

import argparse
import json
import os

from kafka import KafkaProducer

from scoring_events import scored_events


def create_producer(brokers):
    return KafkaProducer(
        bootstrap_servers=brokers.split(","),
        # All in-sync replicas have a message before it counts as sent, and a retry does not send it twice.
        acks="all",
        enable_idempotence=True,
        compression_type="gzip",
        linger_ms=50,
        key_serializer=str.encode,
        # allow_nan=False: Python would write NaN, which is no JSON; say None for a missing value.
        value_serializer=lambda event: json.dumps(event, allow_nan=False).encode(),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", default=os.environ.get("KAFKA_BROKERS", "localhost:9092"))
    parser.add_argument("--topic", default="leeway.events")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()

    producer = create_producer(options.brokers)
    # The key puts events of one entity into one partition, in order; any key will do.
    sent = [producer.send(options.topic, key=event["event_id"], value=event) for event in scored_events(options.count)]
    producer.flush()
    for future in sent:
        # Raises what went wrong with this message.
        future.get(timeout=30)
    producer.close()
    print(f"{len(sent)} events sent to {options.topic}")


if __name__ == "__main__":
    main()
