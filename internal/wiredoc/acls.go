package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

const scriptHead = `#!/bin/sh
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
#   ROLES
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

`

const scriptTail = `while [ $# -gt 0 ]; do
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
	ROLES) ;;
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
`

// anyName stands in a script for the name that a loop is at.
const anyName = "${name}"

// script writes deploy/acls/acls.sh.
func script() []byte {
	var names []string
	var b bytes.Buffer
	of := events.Topics{Prefix: "${prefix}"}
	for _, role := range events.Roles() {
		names = append(names, string(role))
		fmt.Fprintf(&b, "role_%s() {\n", strings.ReplaceAll(string(role), "-", "_"))
		always := of.ACLs(role, events.Chosen{})
		allows(&b, "\t", always)
		more := func(c events.Chosen) []events.ACL {
			return slices.DeleteFunc(of.ACLs(role, c), func(a events.ACL) bool { return slices.Contains(always, a) })
		}
		if one := more(events.Chosen{Queues: []events.Pattern{{Name: anyName}}}); len(one) > 0 {
			b.WriteString("\tfor queue in $queues; do\n\t\tname=${queue%'*'}\n\t\tif [ \"$name\" = \"$queue\" ]; then\n")
			allows(&b, "\t\t\t", one)
			b.WriteString("\t\telse\n")
			allows(&b, "\t\t\t", more(events.Chosen{Queues: []events.Pattern{{Name: anyName, Prefixed: true}}}))
			b.WriteString("\t\tfi\n\tdone\n")
		}
		if one := more(events.Chosen{Copies: []events.Pattern{{Name: anyName}}}); len(one) > 0 {
			b.WriteString("\tfor name in $copies; do\n\t\tcase $name in\n\t\t?*'*')\n\t\t\tname=${name%'*'}\n")
			allows(&b, "\t\t\t", more(events.Chosen{Copies: []events.Pattern{{Name: anyName, Prefixed: true}}}))
			b.WriteString("\t\t\t;;\n\t\t*)\n")
			allows(&b, "\t\t\t", one)
			b.WriteString("\t\t\t;;\n\t\tesac\n\tdone\n")
		}
		b.WriteString("}\n\n")
	}
	head := strings.Replace(scriptHead, "ROLES", strings.Join(names, " "), 1)
	tail := strings.Replace(scriptTail, "ROLES", strings.Join(names, " | "), 1)
	return slices.Concat([]byte(head), b.Bytes(), []byte(tail))
}

func allows(b *bytes.Buffer, indent string, acls []events.ACL) {
	for _, g := range together(acls) {
		pattern := "literal"
		if g.prefixed {
			pattern = "prefixed"
		}
		fmt.Fprintf(b, "%sallow %s '%s' %s", indent, pattern, strings.Join(g.operations, " "), g.resource)
		for _, name := range g.names {
			if name != "" { // The cluster has none.
				fmt.Fprintf(b, ` "%s"`, name)
			}
		}
		b.WriteByte('\n')
	}
}

// grant is the same operations on several resources of one kind.
type grant struct {
	operations []string
	resource   events.Resource
	prefixed   bool
	names      []string
}

// together puts ACLs together that allow the same.
func together(acls []events.ACL) (out []grant) {
	var each []grant // one for each resource
	for _, a := range acls {
		i := slices.IndexFunc(each, func(g grant) bool {
			return g.resource == a.Resource && g.names[0] == a.Name && g.prefixed == a.Prefixed
		})
		if i < 0 {
			i, each = len(each), append(each, grant{resource: a.Resource, prefixed: a.Prefixed, names: []string{a.Name}})
		}
		each[i].operations = append(each[i].operations, a.Operation)
	}
	for _, e := range each {
		i := slices.IndexFunc(out, func(g grant) bool {
			return g.resource == e.resource && g.prefixed == e.prefixed && slices.Equal(g.operations, e.operations)
		})
		if i < 0 {
			out = append(out, e)
			continue
		}
		out[i].names = append(out[i].names, e.names...)
	}
	return out
}
