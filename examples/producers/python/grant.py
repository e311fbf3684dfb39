"""Asks for a range of identifiers and prints it.

    grant.py SPACE [COUNT [REQUEST_ID]]

The same request ID gets the same range, however often it asks. Ends with 0 if the
range was granted, 1 if it was refused, 2 if it was not called so, 3 if no answer came:
ask again then, with the same request ID.
"""

import json
import os
import re
import sys
import time
import uuid

from confluent_kafka import KafkaException, Producer, TopicPartition
from google.protobuf import json_format

from owned_log import connect, decode, header
from spanway.v1 import ids_pb2  # noqa: F401 (it registers its types)

BROKERS = os.environ.get("SPANWAY_BROKERS", "127.0.0.1:29092")
PREFIX = os.environ.get("SPANWAY_PREFIX", "spanway.")
OWNER = os.environ.get("SPANWAY_OWNER", "example")
PARTITIONS = 8  # of ids.events
ATTEMPTS, SILENCE = 6, 5.0  # seconds without an answer until it asks again


def ask(space: str, count: int, request_id: str) -> None:
    # Requests stand by request ID, by the partitioner of the Java client.
    producer = Producer({
        "bootstrap.servers": BROKERS, "enable.idempotence": True, "partitioner": "murmur2_random",
        "message.timeout.ms": 30_000, "enable.metrics.push": False, "log_level": 0,
    })
    producer.produce(
        PREFIX + "ids.requests",
        key=request_id,
        # int64 is text in JSON: a number loses digits above 2^53 in some languages.
        value=json.dumps({"space": space, "count": str(count), "requestId": request_id, "owner": OWNER}),
        headers={
            "ce_specversion": "1.0",
            "ce_id": str(uuid.uuid4()),
            "ce_source": "/examples/python",
            "ce_type": "spanway.ids.range_requested.v1",
            "content-type": "application/json",
        },
        on_delivery=delivered,
    )
    producer.flush()


def delivered(error, _record) -> None:
    if error is not None:
        raise KafkaException(error)


def follow(consumer) -> None:
    """Begins to read ids.events at its end."""
    begins = []
    for partition in range(PARTITIONS):
        _, end = consumer.get_watermark_offsets(TopicPartition(PREFIX + "ids.events", partition), timeout=30)
        begins.append(TopicPartition(PREFIX + "ids.events", partition, end))
    consumer.assign(begins)


def answer(consumer, space: str, request_id: str) -> dict | None:
    """The answer to a request, or None if there is none in time."""
    deadline = time.monotonic() + SILENCE
    while time.monotonic() < deadline:
        record = consumer.poll(0.5)
        if record is None:
            continue
        if record.error():
            raise KafkaException(record.error())
        if header(record, "ce_type") != b"spanway.ids.answered.v1":
            continue
        message = decode(record)
        if message is not None and (message.space, message.request_id) == (space, request_id):
            return json_format.MessageToDict(message)
    return None


def main() -> int:
    if not 2 <= len(sys.argv) <= 4:
        print(__doc__, file=sys.stderr)
        return 2
    space, count, request_id = (sys.argv[1:] + ["1", str(uuid.uuid4())][len(sys.argv) - 2:])
    if not re.fullmatch("-?[0-9]{1,18}", count):
        print(f"the count is {count!r}: give a whole number of at most 18 digits", file=sys.stderr)
        return 2
    consumer = connect(BROKERS)
    try:
        # First the place from which to read, then the request: the answer cannot be missed.
        follow(consumer)
        for _ in range(ATTEMPTS):
            ask(space, int(count), request_id)
            got = answer(consumer, space, request_id)
            if got is None:
                continue
            if "code" in got:
                print(f"{got['code']}: {got.get('text', '')}", file=sys.stderr)
                return 1
            print(f"{got['granted'].get('from', '0')}-{got['granted'].get('to', '0')}  {request_id}")
            return 0
        print(f"no answer in {ATTEMPTS * SILENCE:.0f} s: does an allocator run? Or could it not read the request (spanway log dead)? Ask again with request ID {request_id}", file=sys.stderr)
    except KafkaException as e:
        print(f"Kafka at {BROKERS}: {e.args[0].str()}; ask again with request ID {request_id}", file=sys.stderr)
    finally:
        consumer.close()
    return 3


if __name__ == "__main__":
    sys.exit(main())
