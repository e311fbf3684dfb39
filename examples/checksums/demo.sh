#!/bin/sh
# The whole demonstration, as `make demo` runs it: builds spanway, starts a
# system in one process (brokers included), runs the example on it, submits
# tasks by hand to an engine in a process of its own, verifies the logs, and
# stops it all.
#
#   sh examples/checksums/demo.sh [DIR=tree-of-files]
#
# It ends with 0 only if everything held.
set -eu

dir=
for arg; do
	case $arg in
	DIR=) ;;
	DIR=*) dir=$(cd "${arg#DIR=}" && pwd) ;;
	*) echo "demo.sh: unknown argument $arg; the only one is DIR=tree-of-files" >&2; exit 2 ;;
	esac
done
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
dev= engine=
finish() {
	for process in $engine $dev; do
		kill "$process" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() { printf '\n== %s\n\n' "$1"; }
fail() {
	echo "demo: $1" >&2
	for log in dev engine; do
		if [ -s "$work/$log" ]; then
			echo "demo: the last lines that the $log logged:" >&2
			tail -n 20 "$work/$log" >&2
		fi
	done
	exit 1
}

# show prints a command of spanway as one would type it.
show() {
	printf '  $ spanway'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=@-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
}

# spanway shows a command and what it prints, which also stays in $work/out.
spanway() {
	show "$@"
	code=0
	timeout 60 bin/spanway "$@" >"$work/out" 2>&1 || code=$?
	sed 's/^/  /' "$work/out"
	[ "$code" = 0 ] || fail "spanway $1 $2 ended with code $code"
}

# stop ends a process with SIGTERM and demands that it ends well.
stop() {
	kill "$2"
	code=0
	wait "$2" || code=$?
	[ "$code" = 0 ] || fail "$1 ended with code $code after SIGTERM"
}

# await waits until an engine of the default pool is in a state.
await() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		timeout 60 bin/spanway engine list --pool default --all >"$work/out" 2>&1 || true
		! grep -q "^$1 .* $2 " "$work/out" || return 0
		sleep 1
	done
	cat "$work/out" >&2
	fail "engine $1 was not $2 within ten seconds"
}

for tool in sha256sum timeout; do
	command -v "$tool" >/dev/null || fail "$tool is not installed; it comes with coreutils: install that, and run this again"
done

heading "Build bin/spanway, and start a system in one process"
printf '  $ make build                     (about a minute the first time)\n'
"${MAKE:-make}" --no-print-directory -s build
CGO_ENABLED=0 "${GO:-go}" build -o bin/checksums ./examples/checksums
mkfifo "$work/ready"
bin/spanway dev --port 0 >"$work/ready" 2>"$work/dev" &
dev=$!
exec 3<"$work/ready"
read -r ready <&3 || fail "spanway dev ended before it was ready"
printf '  $ spanway dev --port 0\n  %s\n' "$ready"
SPANWAY_BROKERS=$(printf '%s\n' "$ready" | sed -n 's/.*"kafka":"\([^"]*\)".*/\1/p')
[ -n "$SPANWAY_BROKERS" ] || fail "the ready line of spanway dev names no Kafka address: $ready"
export SPANWAY_BROKERS
printf '  $ export SPANWAY_BROKERS=%s\n' "$SPANWAY_BROKERS"

bin/checksums --spanway bin/spanway ${dir:+--dir "$dir"} || fail "the example failed"

heading "Commands as tasks, on an engine in a process of its own"
show serve engine --id exec-1 --label where=standalone --allow sha256sum
bin/spanway serve engine --id exec-1 --label where=standalone --allow sha256sum 2>"$work/engine" &
engine=$!
await exec-1 ready
for file in go.mod Makefile examples/checksums/main.go; do
	spanway task submit --kind exec --where 'engine.labels.where == "standalone"' --wait -- sha256sum "$PWD/$file"
	want=$(sha256sum "$file")
	grep -q "${want%% *}" "$work/out" || fail "the task printed another digest of $file than sha256sum: ${want%% *}"
	grep -q 'succeeded on exec-1' "$work/out" || fail "the task was not done by exec-1"
done
stop "spanway serve engine" "$engine"
engine=
await exec-1 departed
spanway engine list --pool default --all

heading "The logs, checked by a program that trusts no service"
spanway verify
grep -q ' 0 open' "$work/out" || fail "tasks have not ended, although all were waited for"

heading "Stop"
stop "spanway dev" "$dev"
dev=
printf '  spanway dev has stopped; everything held\n'
