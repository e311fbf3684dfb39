"""Prints every event that counts, one JSON object a line: follow.py [--to-end]"""

import json
import os
import sys

from owned_log import Log, connect

consumer = connect(os.environ.get("SPANWAY_BROKERS", "127.0.0.1:29092"))
log = Log(consumer, os.environ.get("SPANWAY_PREFIX", "spanway.") + "tasks.events", from_start=True)
try:
    for e in log.events(follow="--to-end" not in sys.argv):
        print(json.dumps({"partition": e.partition, "offset": e.offset, "type": e.type, "data": e.data}), flush=True)
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
