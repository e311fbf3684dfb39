#!/bin/sh
# Announces an application in the cluster of its topics with kcat: links that name it copy
# these topics from then on. What it announced before is replaced.
#
#   announce.sh APPLICATION TOPIC...    announces them
#   announce.sh APPLICATION             withdraws it: what was copied stays
#
# SPANWAY_SITES are the sites that are to have copies, with commas between them; all with a
# link that names the application, if it is not set. Ends with 3 if Kafka cannot be reached, or
# has no log of applications yet: the first `spanway link announce` creates it.
set -eu
: "${1:?usage: announce.sh APPLICATION [TOPIC...]}"
application=$1
shift
type=spanway.replication.application_announced.v1
[ $# -gt 0 ] || type=spanway.replication.application_withdrawn.v1
topic=${SPANWAY_PREFIX:-spanway.}replication.applications
id=$(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)

# kcat would write into a topic that it has the broker create, with one that may.
kcat -L -b "${SPANWAY_BROKERS:-127.0.0.1:29092}" -X allow.auto.create.topics=false -J |
	jq -e --arg topic "$topic" 'any(.topics[]; .topic == $topic)' >/dev/null || exit 3

jq -cn --arg application "$application" --arg sites "${SPANWAY_SITES:-}" --args \
	'{application: $application} + if $ARGS.positional == [] then {} else
		{topics: $ARGS.positional, model: "topic", sites: ($sites | split(","))} end' \
	-- "$@" |
	kcat -P -b "${SPANWAY_BROKERS:-127.0.0.1:29092}" -t "$topic" -k "$application" \
		-H ce_specversion=1.0 -H "ce_id=$id" -H ce_source=/examples/kcat \
		-H "ce_type=$type" -H content-type=application/json || exit 3
