"""Submits one command as a task, waits for its end and prints the result.

    submit.py COMMAND [ARG...]

Ends with 0 if the task succeeded, 4 if it ended otherwise, 1 if it was refused,
3 if Kafka cannot be reached.
"""

import base64
import json
import os
import sys
import uuid

from confluent_kafka import KafkaException, Producer

from owned_log import Log, connect

BROKERS = os.environ.get("SPANWAY_BROKERS", "127.0.0.1:29092")
PREFIX = os.environ.get("SPANWAY_PREFIX", "spanway.")
POOL = os.environ.get("SPANWAY_POOL", "default")
WHERE = os.environ.get("SPANWAY_WHERE", "true")  # Such as: engine.labels.gpu >= 1


def submit(task_id: str, command: list[str]) -> None:
    # The default partitioner of librdkafka is not that of the Java client. The
    # request may reach the wrong partition; the scheduler forwards it.
    producer = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True, "enable.metrics.push": False})
    request = {
        "taskId": task_id,
        "kind": "exec",
        "payloadJson": {"command": command},
        "predicate": WHERE,
        "executionTimeout": "30s",
    }
    producer.produce(
        PREFIX + "tasks.requests",
        key=POOL,
        value=json.dumps(request),
        headers={
            "ce_specversion": "1.0",
            "ce_id": str(uuid.uuid4()),
            "ce_source": "/examples/python",
            "ce_type": "spanway.task.requested.v1",
            "content-type": "application/json",
        },
        on_delivery=delivered,
    )
    producer.flush()


def delivered(error, _record) -> None:
    if error is not None:  # It may be written all the same. Submit it again: the same taskId is the same task.
        raise KafkaException(error)


def wait(log: Log, task_id: str) -> int:
    for event in log.events():
        if not event.data or event.data.get("taskId") != task_id:
            continue
        match event.type.split(".")[2]:
            case "succeeded":
                sys.stdout.buffer.write(base64.b64decode(event.data.get("result", "")))
                return 0
            case "failed" | "dead_lettered" | "expired" | "cancelled" as end:
                print(f"{end}: {event.data.get('error') or event.data.get('reason', '')}", file=sys.stderr)
                return 4
            case "rejected":
                print(f"{event.data['code']}: {event.data['message']}", file=sys.stderr)
                return 1


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    task_id = os.environ.get("SPANWAY_TASK_ID") or str(uuid.uuid4())
    consumer = connect(BROKERS)
    try:
        # First the place from which to read, then the request: its end cannot be missed.
        log = Log(consumer, PREFIX + "tasks.events", from_start=False)
        submit(task_id, sys.argv[1:])
        return wait(log, task_id)
    except KafkaException as e:
        print(f"Kafka at {BROKERS}: {e.args[0].str()}", file=sys.stderr)
        return 3
    finally:
        consumer.close()


if __name__ == "__main__":
    sys.exit(main())
