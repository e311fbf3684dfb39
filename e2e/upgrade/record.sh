#!/usr/bin/env bash
# record.sh SPANWAY FILE: has a binary of a release make what two sites keep, and packs their
# data into FILE (a .tar.gz), with what its command line says of it in JSON, for
# TestDataOfOlderReleases. It takes half a minute.
set -euo pipefail
spanway=$(realpath "$1")
file=$(realpath -m "$2")
dir=$(mktemp -d)
trap 'kill "$dev" 2>/dev/null || true; rm -rf "$dir"' EXIT
export SPANWAY_CONFIG=$dir/data/config.yaml
say() { "$spanway" --site ams "$@" >/dev/null; }

"$spanway" dev --sites ams,fra --port 0 --data "$dir/data" >"$dir/ready" 2>"$dir/log" &
dev=$!
until [[ -s $dir/ready ]]; do
	kill -0 "$dev" || { cat "$dir/log" >&2; exit 1; }
	sleep 0.1
done

# 20 tasks that have succeeded, one that failed for good, one that waits for an engine with a
# GPU, one for next year's.
for i in {1..20}; do echo "{\"taskId\": \"noop$i\", \"kind\": \"noop\"}"; done >"$dir/tasks"
say task submit --file "$dir/tasks" --wait
say task submit --id fails --retries 0 --wait -- false || [[ $? == 4 ]]
say task submit --id waits -k noop --where 'engine.labels.gpu >= 1'
say pool set default --weight acme=3

# A queue of 20, less two; one was claimed.
say queue create work
for i in {1..20}; do echo "{\"id\": \"job$i\", \"payload\": \"work $i\"}"; done >"$dir/jobs"
say queue enqueue work --ndjson <"$dir/jobs"
say queue remove work job3 --reason cancelled
token=$("$spanway" --site ams -o json queue claim work --lease 1h | sed -E 's/.*"token":"?([^",}]+).*/\1/')
say queue done work job1 --token "$token"
say queue claim work --lease 1s

# Ranges 1-10, 11-20, 21-30 and the middle one given back.
say id create spi --to 1000000 --quarantine 0
for i in 1 2 3; do say id grant spi --count 10 --owner recorder --request-id "grant$i"; done
say id release spi --request-id grant2 --owner recorder

# A link that has copied the queue.
"$spanway" --site fra link apply jobs --source ams --include 'spanway\.queue\.work' --topic-prefix ams. >/dev/null
until "$spanway" --site fra link audit jobs --whole >/dev/null 2>&1; do sleep 0.2; done

# What the command line says: the first line of a file is the command, the rest its output.
mkdir "$dir/said"
asked=0
ask() {
	local out
	asked=$((asked + 1))
	out=$("$spanway" --site "$@" -o json) || true
	printf '%s\n' "$*" "$out" >"$dir/said/$asked"
}
ask ams task show noop7
ask ams task show fails
ask ams task why waits
ask ams task list --state pending
ask ams engine list
ask ams engine show ams-1
ask ams pool list
ask ams pool show default
ask ams queue list
ask ams queue show work
ask ams queue list work
ask ams id list
ask ams id show spi --ranges
ask ams id show spi/25
ask ams log list
ask ams log show tasks.events
ask ams log dead
ask ams trace noop7
ask ams verify
ask fra link list
ask fra link show jobs --partitions
ask fra link audit jobs

kill "$dev"
wait "$dev"
rm -f "$SPANWAY_CONFIG"
tar -C "$dir" --sort=name --owner=0 --group=0 --numeric-owner -cf - data said | gzip -9n >"$file"
ls -l "$file"
