"""Reads spanway.tasks.events: yields the events that count, and skips the rest.

The rule is "Owned logs" of docs/wire.md. Any reader that applies it to the same
records comes to the same answer, whatever a former owner still sends.

A log may lose its tail (an unclean leader election, a disk that lost power) and
grow again, with other records at the same offsets. A reader that has read what is
lost notices, and begins the partition anew.
"""

import struct
from dataclasses import dataclass

import xxhash
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError

from spanway.v1 import engine_pb2, log_pb2, pool_pb2, task_pb2  # noqa: F401 (they register their types)

PARTITIONS = 16
CLAIMED = "spanway.log.claimed.v1"
# The type of an Event that says: from this offset on, what follows takes the place
# of what was yielded of this partition.
REWOUND = "rewound"


@dataclass
class Event:
    partition: int
    offset: int
    type: str
    data: dict | None  # None: of a type or form that is not known here


class Judge:
    """Decides what counts in one partition. It is given every record, in order."""

    def __init__(self, begin: int, heeded: int = 0):
        self.begin, self.heeded = begin, heeded
        # The newest record, the epoch of the leader under which it is known to stand,
        # and whether the next one is the same again, for proof.
        self.newest, self.leader, self.proving = None, None, False
        # A batch landed where its writer expected it, and does not count: its writer,
        # or this reader, has read what is lost.
        self.doubt = False
        # At offset 0 the history is 0. Elsewhere it is known from the first batch
        # on that landed where its writer expected it.
        self.history, self.epoch = (0, 0) if begin == 0 else (None, 0)
        self.header, self.batch = None, []

    def add(self, record) -> list:
        """Returns the records of the batch that this one completes, if it counts."""
        self.newest = record
        marks = [value for name, value in record.headers() or [] if name == "spanway-log"]
        if marks:
            self.batch = []  # What came before was cut short.
            if len(marks) > 1 or len(marks[0] or b"") != 32:
                return []
            self.header = struct.unpack(">QQQII", marks[0])
            if self.header[4] == 0:
                return []
        elif not self.batch:
            return []  # It belongs to no batch.
        self.batch.append(record)
        if len(self.batch) < self.header[4]:
            return []
        batch, self.batch = self.batch, []
        return batch if self._counts(batch) else []

    def _counts(self, batch) -> bool:
        at, prev, hashed, epoch, _ = self.header
        claim = any(header(r, "ce_type") == CLAIMED.encode() for r in batch)
        if claim and not is_claim(batch):
            return False
        if self.history is None:
            if at != batch[0].offset():
                return False
            self.history, self.epoch = prev, epoch - claim
        if claim and epoch == self.epoch + 1:
            self.history, self.epoch = history(self.history, batch), epoch
            return True
        if not claim and epoch == self.epoch > 0 and prev == self.history:
            self.history = hashed
            return True
        self.doubt = at == batch[0].offset() and at >= self.heeded
        return False


def is_claim(batch) -> bool:
    data = decode(batch[0])
    return (
        len(batch) == 1
        and header(batch[0], "spanway-inputs") is None
        and data is not None
        and len(data.claim_id) == 16
    )


def history(before: int, batch) -> int:
    """H(before, batch): the hash of everything that counted, with this batch."""
    h = xxhash.xxh64(struct.pack(">Q", before))
    parts = [header(batch[0], "spanway-inputs")]
    for record in batch:
        parts += [header(record, "ce_type"), record.value()]
    for part in parts:
        h.update(struct.pack(">I", 0xFFFFFFFF if part is None else len(part)))
        h.update(part or b"")
    return h.intdigest()


def header(record, name: str) -> bytes | None:
    return next((value for key, value in record.headers() or [] if key == name), None)


def decode(record):
    """Returns the message of a record, JSON or protobuf, or None if it cannot be read."""
    try:
        _, noun, fact, _ = (header(record, "ce_type") or b"").decode().split(".")
        name = "spanway.v1." + f"{noun}_{fact}".title().replace("_", "")
        message = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))()
        if (header(record, "content-type") or b"").startswith(b"application/json"):
            return json_format.Parse(record.value(), message, ignore_unknown_fields=True)
        message.ParseFromString(record.value())
        return message
    except (KeyError, ValueError, TypeError, DecodeError, json_format.ParseError):
        # An unknown type, or data that is none: it counts, and says nothing here.
        return None


# What the client says if the log ends before what was read, or begins behind it.
GONE = (KafkaError._LOG_TRUNCATION, KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)


def same(a, b) -> bool:
    """Tells whether two records read at different times are one."""
    parts = [(r.offset(), r.timestamp(), r.key(), r.value(), r.headers()) for r in (a, b)]
    return parts[0] == parts[1]


def connect(brokers: str) -> Consumer:
    return Consumer({
        "bootstrap.servers": brokers,
        "group.id": "unused",  # The client wants one; nothing is committed.
        "enable.auto.commit": False,
        "auto.offset.reset": "error",  # What is lost or deleted must not be passed in silence.
        "enable.metrics.push": False,
        "log_level": 0,  # The client's log of connections: what matters of it is an error.
    })


class Log:
    """Follows all partitions, from the first event that is kept or from the end."""

    def __init__(self, consumer, topic: str, from_start: bool):
        self.consumer, self.topic = consumer, topic
        self.judges, self.ends, begins = {}, {}, []
        for partition in range(PARTITIONS):
            first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            begin = first if from_start else end
            begins.append(TopicPartition(topic, partition, begin))
            self.judges[partition] = Judge(begin)
            if begin < end:
                self.ends[partition] = end
        consumer.assign(begins)

    def events(self, follow: bool = True):
        """Yields events; without follow it ends where the log ended at the beginning."""
        while follow or self.ends:
            record = self.consumer.poll(1)
            if record is None:
                continue
            at, offset = record.partition(), record.offset()
            if record.error():
                if record.error().code() not in GONE:
                    raise KafkaException(record.error())
                yield self._begin_anew(at)
                continue
            judge = self.judges[at]
            if judge.proving:
                judge.proving = False
                if not same(record, judge.newest):
                    yield self._begin_anew(at)
                continue
            if judge.leader != record.leader_epoch():
                judge.leader = record.leader_epoch()
                if judge.newest is not None:  # Another leader: has it what was read?
                    judge.proving = True
                    self.consumer.seek(TopicPartition(self.topic, at, judge.newest.offset()))
                    continue
            for r in judge.add(record):
                message = decode(r)
                data = None if message is None else json_format.MessageToDict(message)
                yield Event(at, r.offset(), (header(r, "ce_type") or b"").decode(), data)
            if judge.doubt:
                # Anybody may write such a batch. It is heeded if as much was read as
                # will be read again.
                yield self._begin_anew(at, 2 * offset + 1 - judge.begin)
            elif at in self.ends and offset + 1 >= self.ends[at]:
                del self.ends[at]

    def _begin_anew(self, partition: int, heeded: int = 0) -> Event:
        """Drops what was read of a partition, which nobody shares, and reads all that is kept."""
        first, end = self.consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=30)
        self.judges[partition] = Judge(first, heeded)
        self.consumer.incremental_unassign([TopicPartition(self.topic, partition)])
        self.consumer.incremental_assign([TopicPartition(self.topic, partition, first)])
        if partition in self.ends:
            self.ends[partition] = min(self.ends[partition], end)
            if first >= self.ends[partition]:
                del self.ends[partition]
        return Event(partition, first, REWOUND, None)
