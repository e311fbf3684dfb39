#!/usr/bin/env bash
# Makes a small Debian (or what else this host is) with a shell, nc, redis-server and
# prometheus, as a tar file: debian.sh FILE. It takes packages from where this host's
# apt does.
set -euo pipefail
out=$(realpath -m "$1")
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $release" | sed -n 1p)
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/spanway-debian-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# Without a mirror debootstrap takes the distribution's own.
debootstrap --variant=minbase --include=netcat-openbsd,redis-server,prometheus "$release" "$scratch/root" ${mirror:+"$mirror"} >"$scratch/log" 2>&1 ||
	{ tail -20 "$scratch/log" >&2; exit 1; }
tar -C "$scratch/root" --exclude=./var/cache --exclude=./var/lib/apt/lists --exclude=./usr/share/{doc,locale,javascript} --exclude=./usr/bin/promtool -cf "$out.part" .
mv "$out.part" "$out"
