#!/usr/bin/env bash
# Builds what a release of HEAD consists of twice, as `make dist-check` does: in other
# directories, the second time with an empty cache. The bytes must be equal. The binary
# of this machine must say its version.
#
#   tools/release/check.sh RELEASE VERSION TIME [PLATFORMS]   (this one, if none is given)
set -euo pipefail

release=$1 version=$2 committed=$3
here=$(${GO:-go} env GOHOSTOS)/$(${GO:-go} env GOHOSTARCH)
platforms=${4:-$here}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# build DIRECTORY builds HEAD there, into build/dist. Who runs this need not own the checkout.
build() {
	mkdir -p "$1"
	git -c safe.directory='*' archive HEAD | tar -x -C "$1"
	"$release" -root "$1" -out "$1/build/dist" -version "$version" -time "$committed" -platforms "$platforms"
}

build "$dir/one"
GOCACHE=$dir/cache build "$dir/two/deeper"
diff -r "$dir/one/build/dist" "$dir/two/deeper/build/dist"

if [[ ",$platforms," == *",$here,"* ]]; then
	name=spanway_${version}_${here/\//_}
	if [[ $here == windows/* ]]; then
		unzip -q -d "$dir" "$dir/one/build/dist/$name.zip"
	else
		tar -x -z -C "$dir" -f "$dir/one/build/dist/$name.tar.gz"
	fi
	says=$("$dir/$name/spanway" version)
	if [[ "$says " != "spanway $version "* ]]; then
		echo "the binary of $name says that it is $says, not spanway $version" >&2
		exit 1
	fi
fi
cat "$dir/one/build/dist/SHA256SUMS"
