#!/bin/bash
# Takes the picture of docs/tracing.md, as `make trace-picture` does: starts a
# Zipkin server, runs the end-to-end test of traces, which passes its spans on to
# it, and photographs the task that failed once.
#
#   tools/zipkin/picture.sh ZIPKIN.jar PICTURE.png
set -euo pipefail

jar=$1 picture=$2
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

port=$((20000 + RANDOM % 10000))
url=http://127.0.0.1:$port
QUERY_PORT=$port java -Xmx256m -jar "$jar" >"$work/zipkin" 2>&1 &
server=$!
for ((try = 0; ; try++)); do
	curl -sf "$url/health" >"$work/health" && break
	if ((try == 600)) || ! kill -0 "$server" 2>/dev/null; then
		echo "trace-picture: Zipkin does not answer at $url:" >&2
		tail -n 20 "$work/zipkin" >&2
		exit 1
	fi
	sleep 0.5
done

go test -count 1 -v -run '^TestOneTraceOverAllProcesses$' ./e2e -zipkin "$url" | tee "$work/test"
trace=$(sed -n 's/.*trace of the task that failed once: \([0-9a-f]*\).*/\1/p' "$work/test")
if [[ -z $trace ]]; then
	echo "trace-picture: the test named no trace" >&2
	exit 1
fi
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
# On a busy machine the time that the page is given may be over before anything is drawn: an
# empty page is a picture of 5 kB, a trace one of 100.
for ((try = 0; ; try++)); do
	"$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile$try" \
		--window-size=1400,820 --virtual-time-budget=20000 --screenshot="$work/picture.png" "$url/zipkin/traces/$trace" 2>"$work/chromium"
	(($(stat -c %s "$work/picture.png") < 50000)) || break
	if ((try == 20)); then
		echo "trace-picture: $url/zipkin/traces/$trace stays empty:" >&2
		tail -n 20 "$work/chromium" >&2
		exit 1
	fi
done
mv "$work/picture.png" "$picture"
echo "trace-picture: $picture shows $url/zipkin/traces/$trace"
