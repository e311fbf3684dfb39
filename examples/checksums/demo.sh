#!/bin/sh
# The whole demonstration, as `make demo` runs it: builds spanway, starts a
# system in one process (brokers included), runs the example on it, submits
# tasks by hand, verifies the logs, and stops it all.
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
dev=
finish() {
	[ -z "$dev" ] || kill "$dev" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() { printf '\n== %s\n\n' "$1"; }
fail() {
	echo "demo: $1" >&2
	if [ -s "$work/log" ]; then
		echo "demo: the last lines that spanway dev logged:" >&2
		tail -n 20 "$work/log" >&2
	fi
	exit 1
}

# spanway shows a command and what it prints, which also stays in $work/out.
spanway() {
	printf '  $ spanway'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=@-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
	code=0
	timeout 60 bin/spanway "$@" >"$work/out" 2>&1 || code=$?
	sed 's/^/  /' "$work/out"
	[ "$code" = 0 ] || fail "spanway $1 $2 ended with code $code"
}

command -v sha256sum >/dev/null || fail "sha256sum is not installed, and the digests are compared with it; it comes with coreutils"

heading "Build bin/spanway, and start a system in one process"
printf '  $ make build                     (about a minute the first time)\n'
"${MAKE:-make}" --no-print-directory -s build
CGO_ENABLED=0 "${GO:-go}" build -o bin/checksums ./examples/checksums
mkfifo "$work/ready"
bin/spanway dev --port 0 >"$work/ready" 2>"$work/log" &
dev=$!
exec 3<"$work/ready"
read -r ready <&3 || fail "spanway dev ended before it was ready"
printf '  $ spanway dev --port 0\n  %s\n' "$ready"
SPANWAY_BROKERS=$(printf '%s\n' "$ready" | sed -n 's/.*"kafka":"\([^"]*\)".*/\1/p')
[ -n "$SPANWAY_BROKERS" ] || fail "the ready line of spanway dev names no Kafka address: $ready"
export SPANWAY_BROKERS
printf '  $ export SPANWAY_BROKERS=%s\n' "$SPANWAY_BROKERS"

bin/checksums --spanway bin/spanway ${dir:+--dir "$dir"} || fail "the example failed"

heading "Commands as tasks, on the engine that spanway dev includes"
for file in go.mod Makefile examples/checksums/main.go; do
	spanway task submit --kind exec --wait -- sha256sum "$PWD/$file"
	want=$(sha256sum "$file")
	grep -q "${want%% *}" "$work/out" || fail "the task printed another digest of $file than sha256sum: ${want%% *}"
done

heading "The logs, checked by a program that trusts no service"
spanway verify
grep -q ' 0 open' "$work/out" || fail "tasks have not ended, although all were waited for"

heading "Stop"
kill "$dev"
code=0
wait "$dev" || code=$?
dev=
[ "$code" = 0 ] || fail "spanway dev ended with code $code after SIGTERM"
printf '  spanway dev has stopped; everything held\n'
