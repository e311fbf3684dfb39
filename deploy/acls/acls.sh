#!/bin/sh
# Written by make generate (internal/wiredoc) from the catalogue in pkg/events.
#
# Gives the programs of Spanway the rights that they need on a Kafka cluster, and no other:
#
#   acls.sh --bootstrap-server HOST:PORT [OPTION]... ROLE=PRINCIPAL...
#   acls.sh --bootstrap-server kafka:9093 --command-config admin.properties \
#           scheduler=User:spanway-scheduler engine=User:spanway-engine
#
# A principal may be given several roles, one by one; without a type, which is letters and a
# colon, it is a User. Roles:
#   scheduler engine producer client reader doctor allocator requester queue-host queue-user replicator replicator-source declarer announcer global-manager channel local-manager operator
# docs/topics.md says what each of them may do.
#
# WARNING: where brokers have allow.everyone.if.no.acl.found=true, a resource that no ACL names
# is open to everybody, and the first ACL on it shuts out all who have none. There, this takes
# the rights of programs that ran without any: give all of them theirs first, and make the
# brokers super users (super.users), for replicator and doctor have rights on the cluster, which
# shut out other brokers. A --copy '*' is an ACL on every topic. What is not named stays open.
#
#   --command-config FILE  how kafka-acls connects
#   --prefix PREFIX        of the topics and groups (spanway.)
#   --queue NAME           a queue that queue-host and queue-user use; may be repeated; with
#                          a * at its end all that begin so, '*' is all queues
#   --copy TOPIC           a topic that replicator writes, or replicator-source reads; may be
#                          repeated; with a * at its end all that begin so, '*' is all topics
#   --remove               takes the rights away
#   --print                prints the commands, and runs none
#   --help, -h             prints this
#
# KAFKA_ACLS is the tool that it calls: kafka-acls.sh.
set -euf

tool=${KAFKA_ACLS:-kafka-acls.sh} bootstrap='' config='' prefix=spanway. queues='' copies='' action=--add force='' print='' given=''

fail() {
	echo "acls.sh: $*" >&2
	exit 2
}

# run runs a command, or prints it.
run() {
	if [ -z "$print" ]; then
		"$@"
		return
	fi
	for word; do
		case $word in
		*[!A-Za-z0-9._:/=,-]*) printf "'%s' " "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")" ;;
		*) printf '%s ' "$word" ;;
		esac
	done
	echo
}

# allow PATTERN OPERATIONS RESOURCE NAME... gives the principal rights.
allow() {
	pattern=$1 operations=$2 resource=$3
	shift 3
	names=$#
	for one; do
		set -- "$@" "--$resource" "$one"
	done
	shift "$names"
	[ "$resource" != cluster ] || set -- --cluster
	for operation in $operations; do
		set -- "$@" --operation "$operation"
	done
	run "$tool" --bootstrap-server "$bootstrap" ${config:+--command-config "$config"} "$action" $force \
		--allow-principal "$principal" --resource-pattern-type "$pattern" "$@"
}

role_scheduler() {
	allow literal 'Read Write DescribeConfigs Delete Create' topic "${prefix}tasks.requests" "${prefix}tasks.events" "${prefix}tasks.events.snapshots"
	allow literal 'Read DescribeConfigs Delete Create' topic "${prefix}engines.reports"
	allow literal 'Write DescribeConfigs Create' topic "${prefix}tasks.assignments" "${prefix}deadletter"
	allow literal 'Read' group "${prefix}scheduler"
}

role_engine() {
	allow literal 'Write' topic "${prefix}engines.reports"
	allow literal 'Read' topic "${prefix}tasks.assignments"
}

role_producer() {
	allow literal 'Write' topic "${prefix}tasks.requests"
}

role_client() {
	allow literal 'Write' topic "${prefix}tasks.requests"
	allow literal 'Read' topic "${prefix}tasks.events"
}

role_reader() {
	allow literal 'Read' topic "${prefix}tasks.requests" "${prefix}tasks.events" "${prefix}tasks.events.snapshots" "${prefix}engines.reports" "${prefix}tasks.assignments" "${prefix}deadletter" "${prefix}ids.requests" "${prefix}ids.events" "${prefix}ids.events.snapshots" "${prefix}replication.links" "${prefix}replication.links.snapshots" "${prefix}replication.applications" "${prefix}replication.checkpoints" "${prefix}replication.status" "${prefix}network.requests" "${prefix}network.changes" "${prefix}network.changes.snapshots" "${prefix}network.inbox" "${prefix}network.status" "${prefix}network.status.snapshots"
	for queue in $queues; do
		name=${queue%'*'}
		if [ "$name" = "$queue" ]; then
			allow literal 'Read' topic "${prefix}queue.${name}" "${prefix}queue.${name}.snapshots"
		else
			allow prefixed 'Read' topic "${prefix}queue.${name}"
		fi
	done
}

role_doctor() {
	allow literal 'Read' topic "${prefix}tasks.events" "${prefix}engines.reports" "${prefix}tasks.assignments" "${prefix}replication.status" "${prefix}network.changes" "${prefix}network.status"
	allow prefixed 'Describe DescribeConfigs' topic "${prefix}"
	allow prefixed 'Describe' group "${prefix}"
	allow literal 'Describe DescribeConfigs' cluster
}

role_allocator() {
	allow literal 'Write DescribeConfigs Create' topic "${prefix}deadletter"
	allow literal 'Read DescribeConfigs Delete Create' topic "${prefix}ids.requests"
	allow literal 'Read Write DescribeConfigs Delete Create' topic "${prefix}ids.events" "${prefix}ids.events.snapshots"
	allow literal 'Read' group "${prefix}allocator" "${prefix}snapshots.${prefix}ids.events"
}

role_requester() {
	allow literal 'Write' topic "${prefix}ids.requests"
	allow literal 'Read' topic "${prefix}ids.events"
}

role_queue_host() {
	for queue in $queues; do
		name=${queue%'*'}
		if [ "$name" = "$queue" ]; then
			allow literal 'Read Write DescribeConfigs Delete Create' topic "${prefix}queue.${name}" "${prefix}queue.${name}.snapshots"
			allow literal 'Read' group "${prefix}snapshots.${prefix}queue.${name}"
		else
			allow prefixed 'Read Write DescribeConfigs Delete Create' topic "${prefix}queue.${name}"
			allow prefixed 'Read' group "${prefix}snapshots.${prefix}queue.${name}"
		fi
	done
}

role_queue_user() {
	for queue in $queues; do
		name=${queue%'*'}
		if [ "$name" = "$queue" ]; then
			allow literal 'Read Write' topic "${prefix}queue.${name}"
			allow literal 'Read' topic "${prefix}queue.${name}.snapshots"
		else
			allow prefixed 'Read Write' topic "${prefix}queue.${name}"
		fi
	done
}

role_replicator() {
	allow literal 'Write DescribeConfigs Create' topic "${prefix}deadletter"
	allow literal 'Read DescribeConfigs Delete Create' topic "${prefix}replication.links"
	allow literal 'Read Write DescribeConfigs Delete Create' topic "${prefix}replication.links.snapshots"
	allow literal 'Describe DescribeConfigs Create' topic "${prefix}replication.applications"
	allow literal 'Read Write DescribeConfigs Create' topic "${prefix}replication.checkpoints" "${prefix}replication.status"
	allow literal 'Read' group "${prefix}replicators" "${prefix}snapshots.${prefix}replication.links"
	allow prefixed 'Write' transactional-id "${prefix}mirror/"
	allow literal 'DescribeConfigs' cluster
	for name in $copies; do
		case $name in
		?*'*')
			name=${name%'*'}
			allow prefixed 'Read Write Create Alter AlterConfigs Delete' topic "${name}"
			;;
		*)
			allow literal 'Read Write Create Alter AlterConfigs Delete' topic "${name}"
			;;
		esac
	done
}

role_replicator_source() {
	allow literal 'Read' topic "${prefix}replication.applications"
	for name in $copies; do
		case $name in
		?*'*')
			name=${name%'*'}
			allow prefixed 'Read DescribeConfigs' topic "${name}"
			;;
		*)
			allow literal 'Read DescribeConfigs' topic "${name}"
			;;
		esac
	done
}

role_declarer() {
	allow literal 'Read Write' topic "${prefix}replication.links"
	allow literal 'Read' topic "${prefix}replication.links.snapshots" "${prefix}replication.status"
}

role_announcer() {
	allow literal 'Write DescribeConfigs Create' topic "${prefix}replication.applications"
}

role_global_manager() {
	allow literal 'Read Write DescribeConfigs Delete Create' topic "${prefix}network.requests" "${prefix}network.changes" "${prefix}network.changes.snapshots"
	allow prefixed 'Read Write DescribeConfigs Delete Create' topic "${prefix}queue.site."
	allow prefixed 'Read' group "${prefix}snapshots.${prefix}queue.site."
	allow literal 'Read' group "${prefix}global-manager"
}

role_channel() {
	allow literal 'Write' topic "${prefix}network.inbox"
	allow literal 'Read' topic "${prefix}network.status" "${prefix}network.status.snapshots"
}

role_local_manager() {
	allow literal 'Write' topic "${prefix}tasks.requests"
	allow literal 'Read' topic "${prefix}tasks.events"
	allow literal 'Read DescribeConfigs Delete Create' topic "${prefix}network.inbox"
	allow literal 'Read Write DescribeConfigs Delete Create' topic "${prefix}network.status" "${prefix}network.status.snapshots"
	allow literal 'Read' group "${prefix}local-manager"
}

role_operator() {
	allow literal 'Write' topic "${prefix}network.requests" "${prefix}network.inbox"
	allow literal 'Read' topic "${prefix}network.changes" "${prefix}network.changes.snapshots" "${prefix}network.status" "${prefix}network.status.snapshots"
}

while [ $# -gt 0 ]; do
	case $1 in
	--remove) action=--remove force=--force ;;
	--print) print=yes ;;
	--help | -h)
		sed -n '4,/^set /s/^# \{0,1\}//p' "$0"
		exit
		;;
	--bootstrap-server | --command-config | --prefix | --queue | --copy)
		[ $# -gt 1 ] || fail "$1 needs a value"
		case $1 in
		--bootstrap-server) bootstrap=$2 ;;
		--command-config) config=$2 ;;
		--prefix) prefix=$2 ;;
		--queue | --copy)
			case $2 in
			'' | *[[:space:]]*) fail "$1 '$2' is no name" ;;
			esac
			[ "$1" = --queue ] && queues="$queues $2" || copies="$copies $2"
			;;
		esac
		shift
		;;
	-*) fail "there is no option $1" ;;
	*=?*) given="$given
$1" ;;
	*) fail "$1 is not ROLE=PRINCIPAL" ;;
	esac
	shift
done
[ -n "$bootstrap" ] || fail "--bootstrap-server is missing"
[ -n "$given" ] || fail "no ROLE=PRINCIPAL is given; --help lists the roles"
# All are looked at before the first of them is given anything.
IFS='
'
for pair in $given; do
	role=${pair%%=*}
	case $role in
	scheduler | engine | producer | client | reader | doctor | allocator | requester | queue-host | queue-user | replicator | replicator-source | declarer | announcer | global-manager | channel | local-manager | operator) ;;
	*) fail "there is no role $role; --help lists them" ;;
	esac
	case $role in
	queue-*) [ -n "$queues" ] || fail "$role needs --queue" ;;
	replicator*) [ -n "$copies" ] || fail "$role needs --copy" ;;
	esac
done
for pair in $given; do
	unset IFS
	role=${pair%%=*} principal=${pair#*=}
	case ${principal%%:*} in
	"$principal" | *[!A-Za-z]*) principal=User:$principal ;; # A colon may stand in a DN.
	esac
	"role_$(echo "$role" | tr - _)"
done
