#!/bin/sh
# One file declares a network that spans two of three sites. It is applied, realised and
# shown; the local manager of a site is stopped, and what is changed meanwhile waits in its
# queue alone; it returns and catches up; the span shrinks, and the site that has left it is
# clean; the logs are verified. `make demo` runs it, behind examples/checksums/demo.sh.
#
#   sh examples/networks/demo.sh
#
# Every site is processes of its own here: brokers with a scheduler, a local manager, and an
# engine that realises objects as files. `spanway dev --sites ams,fra,sin` has all of it in
# one process. It ends with 0 only if everything held.
set -eu
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
processes=
finish() {
	for process in $processes; do
		kill "$process" 2>/dev/null || true
	done
	for process in $processes; do
		wait "$process" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() { printf '\n== %s\n\n' "$1"; }
fail() {
	echo "demo: $1" >&2
	for log in "$work"/*.log; do
		echo "demo: the last lines that $(basename "$log" .log) logged:" >&2
		tail -n 5 "$log" >&2
	done
	exit 1
}

# spanway shows a command and what it prints, which also stays in $work/out.
spanway() {
	printf '  $ spanway %s\n' "$*"
	code=0
	timeout 120 bin/spanway "$@" >"$work/out" 2>&1 || code=$?
	sed 's/^/  /' "$work/out"
	[ "$code" = 0 ] || fail "spanway $1 $2 ended with code $code"
}

# begin starts a process of a name, whose ID is then $began.
begin() {
	name=$1
	shift
	bin/spanway "$@" >"$work/$name.out" 2>"$work/$name.log" &
	began=$!
	processes="$processes $began"
}

# says waits until the last command, called again, prints a text.
says() {
	want=$1
	shift
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		timeout 120 bin/spanway "$@" >"$work/out" 2>&1 || true
		if grep -q "$want" "$work/out"; then
			printf '  $ spanway %s\n' "$*"
			sed 's/^/  /' "$work/out"
			return 0
		fi
		sleep 1
	done
	cat "$work/out" >&2
	fail "spanway $* never said: $want"
}

heading "Three sites, each with brokers, a scheduler and an engine that realises"
"${MAKE:-make}" --no-print-directory -s build
clusters= contexts=
for site in ams fra sin; do
	begin "dev-$site" dev --site "$site" --port 0 --engines 0
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kafka=$(sed -n 's/.*"kafka":"\([^"]*\)".*/\1/p' "$work/dev-$site.out" 2>/dev/null || true)
		[ -z "$kafka" ] || break
		sleep 1
	done
	[ -n "$kafka" ] || fail "the brokers of $site did not start"
	clusters="$clusters
  $site: {brokers: [\"$kafka\"]}"
	contexts="$contexts
  $site: {cluster: $site, site: $site}"
done
export SPANWAY_CONFIG="$work/config.yaml"
printf 'current-context: ams\nclusters:%s\ncontexts:%s\n' "$clusters" "$contexts" >"$SPANWAY_CONFIG"
sed 's/^/  /' "$SPANWAY_CONFIG"
begin global serve manager --role global --site ams --http ''
for site in ams fra sin; do
	begin "engine-$site" serve engine --site "$site" --id "edge-$site" --label role=edge --realise "$work/realised/$site" --http ''
	begin "local-$site" serve manager --role local --site "$site" --http ''
done
local_fra=
for process in $processes; do
	if [ "$(tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null | grep -c -- '--role local --site fra')" = 1 ]; then
		local_fra=$process
	fi
done

heading "One file, two of three sites"
spanway site add ams
spanway site add fra
spanway site add sin
sed 's/^/  /' examples/networks/shop.yaml
spanway network apply -f examples/networks/shop.yaml --wait
(cd "$work/realised" && find . -name '*.json' | sort | sed 's/^/  /')
[ -f "$work/realised/fra/networks/shop/segments/web.json" ] || fail "fra has not realised the segment web"
[ ! -e "$work/realised/sin/networks" ] || fail "sin has something of a network that it is not in"

heading "The local manager of fra is stopped; what is changed waits in the queue of fra alone"
kill "$local_fra"
wait "$local_fra" || fail "the local manager of fra ended with $?"
for n in 1 2 3; do
	sed "s/10\.1\.0/10.1.$n/" examples/networks/shop.yaml >"$work/shop.yaml"
	spanway network apply -f "$work/shop.yaml"
done
says '^fra .* 3 ' site list
says '^ams *realised' network show /networks/shop/segments/web
grep -q '^fra *queued' "$work/out" || fail "at fra the change is not queued"
spanway network why /networks/shop/segments/web --site fra

heading "It returns, and catches up"
begin local-fra serve manager --role local --site fra --http ''
says '^fra *realised' network show /networks/shop/segments/web
grep -q '10.1.3.0/24' "$work/realised/fra/networks/shop/segments/web.json" || fail "fra has an older segment"

heading "The span shrinks, and fra is clean"
sed 's/sites: \[ams, fra\]/sites: [ams]/' "$work/shop.yaml" >"$work/shrunk.yaml"
spanway network apply -f "$work/shrunk.yaml" --wait
left=$(find "$work/realised/fra" -name '*.json')
[ -z "$left" ] || fail "fra still has $left"
spanway site list

heading "The logs of all sites, checked by a program that trusts no service"
spanway verify
grep -q 'G5 G6 G11 hold' "$work/out" || fail "the networks were not judged"
grep -q 'network.status at fra' "$work/out" || fail "fra was not judged"
printf '\n  everything held\n'
