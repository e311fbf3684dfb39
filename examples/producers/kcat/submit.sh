#!/bin/sh
# Submits one command as a task with kcat, waits for its end and prints the result.
#
#   submit.sh COMMAND [ARG...]
#
# Ends with 0 if the task succeeded, 4 if it ended otherwise, 1 if it was refused,
# 3 if Kafka cannot be reached.
set -eu
: "${1:?usage: submit.sh COMMAND [ARG...]}"
export SPANWAY_BROKERS="${SPANWAY_BROKERS:-127.0.0.1:29092}" SPANWAY_PREFIX="${SPANWAY_PREFIX:-spanway.}"
pool=${SPANWAY_POOL:-default}
id=${SPANWAY_TASK_ID:-$(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)}

# kcat's partitioner is not that of the Java client: the request may reach the
# wrong partition, and the scheduler forwards it. (-X partitioner=murmur2_random
# would save the way.)
jq -cn --arg id "$id" --arg where "${SPANWAY_WHERE:-true}" --args \
	'{taskId: $id, kind: "exec", payloadJson: {command: $ARGS.positional}, predicate: $where, executionTimeout: "30s"}' \
	-- "$@" |
	kcat -P -b "$SPANWAY_BROKERS" -t "${SPANWAY_PREFIX}tasks.requests" -k "$pool" \
		-H ce_specversion=1.0 -H "ce_id=$id" -H ce_source=/examples/kcat \
		-H ce_type=spanway.task.requested.v1 -H content-type=application/json || exit 3

unset SPANWAY_WHERE SPANWAY_TASK_ID # These are this script's; spanway would warn of them.

# kcat cannot judge what counts in an owned log; spanway can. Until the scheduler
# has read the request the task is unknown (1).
code=1
while [ "$code" -eq 1 ]; do
	code=0
	spanway task show "$id" --pool "$pool" >/dev/null 2>&1 || code=$?
	[ "$code" -ne 1 ] || sleep 0.2
done
exec spanway task watch "$id" --pool "$pool" --raw
