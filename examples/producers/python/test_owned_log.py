"""A log that loses its tail and grows again, read by a consumer that lives on."""

import struct
import unittest

from confluent_kafka import KafkaError

import owned_log
from owned_log import CLAIMED, REWOUND, Log, history
from spanway.v1 import log_pb2, task_pb2


class Record:
    def __init__(self, offset, leader, kind, value, mark):
        self._offset, self._leader = offset, leader
        self._headers, self._value = [("ce_type", kind.encode()), ("spanway-log", mark)], value

    def offset(self): return self._offset
    def partition(self): return 0
    def error(self): return None
    def key(self): return None
    def value(self): return self._value
    def headers(self): return self._headers
    def timestamp(self): return (1, 0)
    def leader_epoch(self): return self._leader


class Gone:
    """What the client delivers if the log does not hold what is to be read."""
    def partition(self): return 0
    def offset(self): return -1
    def error(self): return self
    def code(self): return KafkaError._LOG_TRUNCATION


class Broker:
    """One partition, and a consumer of it."""

    def __init__(self):
        self.records, self.leader, self.next, self.claims = [], 0, None, 0
        self.history = self.epoch = 0

    def append(self, kind, message):
        claim, value = kind == CLAIMED, message.SerializeToString()
        self.epoch += claim
        record = Record(len(self.records), self.leader, kind, value, None)
        after = history(self.history, [record])
        record._headers[1] = ("spanway-log", struct.pack(">QQQII", len(self.records), self.history, after, self.epoch, 1))
        self.records.append(record)
        self.history = after

    def claim(self):
        self.claims += 1
        self.append(CLAIMED, log_pb2.LogClaimed(claim_id=bytes([self.claims]) * 16))

    def end(self, *tasks):
        for task in tasks:
            self.append("spanway.task.failed.v1", task_pb2.TaskFailed(task_id=task))

    def lose(self, offset, new_leader=True):
        self.leader += new_leader
        self.records = self.records[:offset]
        self.history, self.epoch = 0, 0
        for r in self.records:  # What is left says how it goes on.
            self.history, self.epoch = struct.unpack(">QQQII", r.headers()[1][1])[2:4]

    def get_watermark_offsets(self, _partition, timeout): return 0, len(self.records)
    def assign(self, partitions): self.next = partitions[0].offset
    def incremental_unassign(self, _partitions): self.next = None
    def incremental_assign(self, partitions): self.next = partitions[0].offset
    def seek(self, partition): self.next = partition.offset

    def poll(self, _timeout):
        if self.next is None or self.next == len(self.records):
            return None
        if self.next > len(self.records):
            self.next = None
            return Gone()
        self.next += 1
        return self.records[self.next - 1]


class LostTail(unittest.TestCase):
    def setUp(self):
        owned_log.PARTITIONS = 1
        self.broker = Broker()
        self.broker.claim()
        self.broker.end("a", "b", "c", "d")
        self.log = Log(self.broker, "t", from_start=True)
        self.assertEqual(self.read(), [CLAIMED, "a", "b", "c", "d"])

    def read(self):
        """What is yielded until nothing is left to be read."""
        self.log.ends = {0: 1 << 40}
        out, idle, poll = [], [], self.broker.poll

        def once(timeout):
            record = poll(timeout)
            if record is None:
                self.log.ends = {}
            return record

        self.broker.poll = once
        for e in self.log.events(follow=False):
            out.append(f"<{e.offset}" if e.type == REWOUND else e.type if e.data is None or "taskId" not in e.data else e.data["taskId"])
            self.log.ends.setdefault(0, 1 << 40)
        self.broker.poll = poll
        return out

    def test_other_leader_without_loss(self):
        self.broker.leader += 1
        self.broker.end("e")
        self.assertEqual(self.read(), ["e"])

    def test_grown_beyond(self):
        self.broker.lose(2)
        self.broker.claim()
        self.broker.end("e", "f", "g", "h")
        self.assertEqual(self.read(), ["<0", CLAIMED, "a", CLAIMED, "e", "f", "g", "h"])

    def test_shorter(self):
        self.broker.lose(2)
        self.broker.claim()
        self.assertEqual(self.read(), ["<0", CLAIMED, "a", CLAIMED])

    def test_same_leader(self):
        self.broker.lose(2, new_leader=False)
        self.broker.claim()
        self.broker.end("e", "f", "g", "h")
        self.assertEqual(self.read(), ["<0", CLAIMED, "a", CLAIMED, "e", "f", "g", "h"])

    def test_junk_is_no_loss_for_ever(self):
        for _ in range(20):
            junk = Record(len(self.broker.records), 0, "x", b"", struct.pack(">QQQII", len(self.broker.records), 1, 2, 9, 1))
            self.broker.records.append(junk)
        self.assertLess(sum(e == "<0" for e in self.read()), 5)


if __name__ == "__main__":
    unittest.main()
