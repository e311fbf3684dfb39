"""Puts the lines of standard input into a queue, each as an entry, and prints their places.

    enqueue.py QUEUE [ID]

The first line has the given ID, the others have fresh ones. An ID names its entry for
ever: it is put in once. Ends with 0 if all lines are in the queue, 1 if one was refused,
2 if it was not called so, 3 if what became of one is not known: put it in again then, with the same ID.

A queue is a shared log ("Shared logs" of docs/wire.md): each record is a call, and order
decides which of them are accepted. An acknowledgement says that the record is kept, and
nothing of the verdict. That comes from a fold of the log, which `spanway queue show` makes.
"""

import base64
import json
import os
import struct
import subprocess
import sys
import uuid

from confluent_kafka import KafkaException, Producer, TopicPartition

from owned_log import connect, header

BROKERS = os.environ.get("SPANWAY_BROKERS", "127.0.0.1:29092")
PREFIX = os.environ.get("SPANWAY_PREFIX", "spanway.")
TYPE = "text/plain"  # of what is mostly text; any bytes will do
LIMIT = 256 << 10  # bytes of a payload
ATTEMPTS, SILENCE = 6, 5_000  # ms without an acknowledgement until the call is made again


class Unknown(Exception):
    """What became of a call is not known: it may be in the log, or come to stand in it."""


def call(topic: str, seen: int, entry: str, payload: bytes) -> dict:
    """One call: the record, with an ID of its own, which it keeps however often it is sent."""
    call_id = os.urandom(16)
    return {
        "topic": topic,
        "partition": 0,
        "value": json.dumps({
            "id": entry, "payload": base64.b64encode(payload).decode(), "payloadType": TYPE,
        }),
        "headers": {
            "ce_specversion": "1.0",
            "ce_id": call_id.hex(),
            "ce_source": "/examples/python",
            "ce_type": "spanway.queue.enqueued.v1",
            "content-type": "application/json",
            "spanway-call": call_id,
            # Below this offset this program has seen the log. If the record comes to stand
            # more than a million offsets behind it, all hosts refuse it.
            "spanway-seen": struct.pack(">Q", seen),
        },
    }


def append(producer, record: dict) -> None:
    """Appends a call. After an unknown outcome it is the same call again, never another one:
    its first record decides, and those that follow change nothing."""
    for _ in range(ATTEMPTS):
        outcome = []
        producer.produce(on_delivery=lambda error, _: outcome.append(error and error.str()), **record)
        producer.flush()
        if outcome == [None]:
            return
        print(f"no acknowledgement ({outcome[0]}): the same call again", file=sys.stderr, flush=True)
    raise Unknown(f"Kafka at {BROKERS} acknowledges nothing")


def show(queue: str, entry: str) -> subprocess.CompletedProcess:
    """What the fold of the whole log says of an entry, now that the call is in the log."""
    return subprocess.run(
        ["spanway", "queue", "show", queue, entry, "-o", "json", "--brokers", BROKERS, "--prefix", PREFIX],
        capture_output=True, text=True,
    )


def is_call(consumer, topic: str, offset: int, record: dict) -> bool:
    """Tells whether the record at an offset is of this call."""
    consumer.assign([TopicPartition(topic, 0, offset)])
    at = None
    while at is None:
        at = consumer.poll(1)
    if at.error():
        raise KafkaException(at.error())
    return header(at, "spanway-call") == record["headers"]["spanway-call"]


def holds(found: dict, payload: bytes) -> bool:
    """Tells whether an entry holds what was to be put in: then a repetition is no error."""
    # What is no plain text is shown in base64.
    text = found["payload"].encode() if "payload" in found else base64.b64decode(found.get("payload_base64", ""))
    return text == payload and found.get("payload_type") == TYPE


def put(producer, consumer, queue: str, seen: int, entry: str, payload: bytes) -> int | None:
    """Puts an entry in, and returns its sequence number, or None if it is refused."""
    if len(payload) > LIMIT:
        print(f"TOO_LARGE: the line has {len(payload)} bytes; at most {LIMIT} are allowed", file=sys.stderr)
        return None
    record = call(f"{PREFIX}queue.{queue}", seen, entry, payload)
    append(producer, record)
    shown = show(queue, entry)
    if shown.returncode not in (0, 1):
        raise Unknown(shown.stderr.strip())
    if shown.returncode == 1:
        # It is not there: another took it out since or before, or the call was refused by a
        # rule of the queue.
        print(f"{shown.stderr.strip()}; if it never was in the queue, see `spanway queue show {queue}` for its rules", file=sys.stderr)
        return None
    # The sequence number of an entry is the offset of the call that put it in.
    found = json.loads(shown.stdout)
    seq = found["seq"]
    if not is_call(consumer, record["topic"], seq, record):
        if not holds(found, payload):
            print(f"DUPLICATE_ENTRY: {entry} was put in before, at {seq}, and holds something else", file=sys.stderr)
            return None
        print(f"{entry} was there, and holds the same", file=sys.stderr)
    print(f"{seq}  {entry}", flush=True)
    return seq


def main() -> int:
    if not 2 <= len(sys.argv) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    queue, given, done = sys.argv[1], sys.argv[2:], True
    topic = f"{PREFIX}queue.{queue}"
    consumer = connect(BROKERS)
    # Calls that stand twice do no harm, so nothing depends on the broker's own idempotence.
    producer = Producer({"bootstrap.servers": BROKERS, "message.timeout.ms": SILENCE, "enable.metrics.push": False})
    entry = ""
    try:
        if topic not in consumer.list_topics(timeout=30).topics:
            print(f"UNKNOWN_QUEUE: {queue}", file=sys.stderr)
            return 1
        _, seen = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        for line in sys.stdin.buffer:
            entry = given.pop() if given else str(uuid.uuid4())
            seq = put(producer, consumer, queue, seen, entry, line.removesuffix(b"\n").removesuffix(b"\r"))
            done, seen = done and seq is not None, seen if seq is None else seq + 1
    except (KafkaException, Unknown) as e:
        why = e if isinstance(e, Unknown) else f"Kafka at {BROKERS}: {e.args[0].str()}"
        print(f"{why}; put it in again under the ID {entry}", file=sys.stderr)
        return 3
    finally:
        consumer.close()
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
