package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// rights judges what the principal may do: all that its role needs, and no more. Without a
// role it says for which ones the rights suffice.
func rights(f *findings, facts Facts) {
	const check = "rights"
	subject := facts.Principal
	if facts.RightsErr != nil {
		f.unknown(check, subject, facts.RightsErr)
		return
	}
	logs := logsThere(facts)
	if len(logs) == 0 {
		return
	}
	if unrestricted(facts, logs) {
		f.add(Warning, check, subject, "use an authorizer, and a principal for each kind of program (docs/topics.md)", "it may do everything with every topic: any program that connects so may decide in the place of an owner")
		return
	}
	if facts.Role == "" {
		var may []string
		for _, role := range events.Roles() {
			if needed := lacking(facts, logs, role); uses(logs, role) && len(needed) == 0 {
				may = append(may, string(role))
			}
		}
		f.add(Note, check, subject, "", "its rights suffice for: %s; --role says what another one lacks", cmp.Or(strings.Join(may, ", "), "none of the roles"))
		return
	}
	missing := lacking(facts, logs, facts.Role)
	for _, r := range missing {
		f.add(Problem, check, subject, fmt.Sprintf("kafka-acls --add --allow-principal '%s' --operation %s --topic '%s'", facts.Principal, r.operation, r.topic),
			"as %s it lacks %s on topic %s", facts.Role, r.operation, r.topic)
	}
	for _, r := range beyond(facts, logs, facts.Role) {
		f.add(Warning, check, subject, fmt.Sprintf("kafka-acls --remove --allow-principal '%s' --operation %s --topic '%s'", facts.Principal, r.operation, r.topic),
			"it has %s on topic %s, which %s does not need", r.operation, r.topic, facts.Role)
	}
	if len(missing) == 0 {
		f.add(OK, check, subject, "", "it has the rights on topics that %s needs", facts.Role)
	}
}

// right is that to an operation on a topic.
type right struct{ operation, topic string }

// logsThere are the logs of the topics that exist, those that may not be described among them.
func logsThere(facts Facts) (logs []events.Log) {
	of := events.Topics{Prefix: facts.Prefix}
	for _, t := range facts.Topics {
		if l, ok := of.Log(t.Name); ok && (!t.Missing || t.Hidden) {
			logs = append(logs, l)
		}
	}
	return logs
}

// uses tells whether there is a log of what the role is for: dead letters are of several.
func uses(logs []events.Log, role events.Role) bool {
	return slices.ContainsFunc(logs, func(l events.Log) bool { return l.Kind != events.PublishedLog && len(l.Rights(role)) > 0 })
}

// lacking are the rights that a role needs and the principal does not have. Topics that it
// may not describe are among those: whoever may read or write may describe.
func lacking(facts Facts, logs []events.Log, role events.Role) (out []right) {
	for _, l := range logs {
		for _, op := range l.Rights(role) {
			if !slices.Contains(facts.Rights.Topics[l.Topic], op) {
				out = append(out, right{op, l.Topic})
			}
		}
	}
	return out
}

// dangerous are the operations by which records come to be, or go.
var dangerous = []string{"Write", "Delete", "Alter", "AlterConfigs"}

// beyond are the rights to change something that the role does not need.
func beyond(facts Facts, logs []events.Log, role events.Role) (out []right) {
	for _, l := range logs {
		needed := l.Rights(role)
		for _, op := range facts.Rights.Topics[l.Topic] {
			if slices.Contains(dangerous, op) && !slices.Contains(needed, op) {
				out = append(out, right{op, l.Topic})
			}
		}
	}
	return out
}

// unrestricted tells whether all may be done with all of the topics.
func unrestricted(facts Facts, logs []events.Log) bool {
	return slices.Contains(facts.Rights.Cluster, "ClusterAction") && !slices.ContainsFunc(logs, func(l events.Log) bool {
		return slices.ContainsFunc(dangerous, func(op string) bool { return !slices.Contains(facts.Rights.Topics[l.Topic], op) })
	})
}
