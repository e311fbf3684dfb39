#!/usr/bin/env bash
# Runs the test of docker-compose.yml in namespaces of its own, or says loudly why
# it cannot be run here: with CI=true that is a failure. Called by `make e2e-compose`.
#
#   run.sh require       exit code 1 and a banner if something is missing
#   run.sh test BINARY   run the test
set -euo pipefail
cd "$(dirname "$0")"

banner() {
	{
		echo "******************************************************************************"
		echo "*** docker-compose.yml WAS NOT TRIED: no Docker engine can be started here."
		printf '*** %s\n' "$@"
		echo "*** It needs root, and of Debian: docker.io (from 13 on docker-cli, too), iptables,"
		echo "*** iproute2, debootstrap, kcat, jq, a JDK (17 or later) and Maven."
		echo "******************************************************************************"
	} >&2
}

# isolated COMMAND... runs it in namespaces, for half an hour at most: what it starts ends
# with it.
isolated() {
	timeout --foreground --kill-after 10s 32m unshare --net --mount --pid --fork --kill-child --mount-proc "$@"
}

require() {
	local missing=() command
	for command in dockerd docker containerd runc iptables ip unshare debootstrap mvn jlink kcat jq; do
		command -v "$command" >/dev/null || missing+=("$command is not installed")
	done
	if ((EUID != 0)); then
		missing+=("this is not root")
	elif ((${#missing[@]} == 0)); then
		isolated true || missing+=("namespaces cannot be made")
		isolated iptables -t nat -n -L >/dev/null || missing+=("iptables has no table nat")
	fi
	((${#missing[@]} == 0)) || { banner "${missing[@]}"; return 1; }
}

# clean removes what dockerd had on disk, and the empty groups that it leaves.
scratch=
clean() {
	[[ -n "$scratch" ]] || return 0
	find /sys/fs/cgroup -depth -type d -path "*/${scratch##*/}*" -exec rmdir {} + 2>/dev/null || true
	rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 143' TERM

# run_test ends with the test's exit code, but for the one that says that dockerd
# did not start, which is as if it were missing: a failure only with CI=true.
readonly no_engine=75
run_test() {
	local code=0
	scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/spanway-compose-XXXXXX")
	# shellcheck disable=SC2016 # Expanded in there.
	SCRATCH=$scratch isolated bash -euc '
		ip link set lo up
		mount -t tmpfs tmpfs /run
		"$@" || exit $? # Not exec: as the first process bash also reaps orphans.
	' - "$1" -test.v -test.timeout 30m || code=$?
	if ((code == no_engine)); then
		banner "dockerd did not start; its log is above"
		[[ "${CI:-}" == true ]] || return 0
		echo "CI=true: that is a failure." >&2
		return 1
	fi
	return "$code"
}

case "${1:-}" in
require) require ;;
test) run_test "$2" ;;
*) echo "usage: run.sh require | test BINARY" >&2; exit 2 ;;
esac
