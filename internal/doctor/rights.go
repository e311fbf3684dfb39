package doctor

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/spanway/spanway/internal/kafka"
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
			if uses(logs, role) && len(lacking(facts, logs, role)) == 0 {
				may = append(may, string(role))
			}
		}
		f.add(Note, check, subject, "", "its rights suffice for: %s; --role says what another one lacks", cmp.Or(strings.Join(may, ", "), "none of the roles"))
		return
	}
	missing := lacking(facts, logs, facts.Role)
	for _, r := range missing {
		f.add(Problem, check, subject, grant("add", facts.Principal, r), "as %s it lacks %s on %s", facts.Role, r.Operation, named(r))
	}
	for _, r := range beyond(facts, logs, facts.Role) {
		f.add(Warning, check, subject, grant("remove", facts.Principal, r), "it has %s on %s, which %s does not need", r.Operation, named(r), facts.Role)
	}
	hidden := untold(facts, facts.Role)
	for _, a := range hidden {
		f.add(Unknown, check, subject, "", "whether it has %s on %s is not known: %v", a.Right.Operation, named(a.Right), a.Err)
	}
	if len(missing) == 0 && len(hidden) == 0 {
		f.add(OK, check, subject, "", "it has the rights that %s needs", facts.Role)
	}
}

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

// uses tells whether there is a log of what the role is for: dead letters are of several, and what
// is foreign to it is another's.
func uses(logs []events.Log, role events.Role) bool {
	return slices.ContainsFunc(logs, func(l events.Log) bool {
		return l.Kind != events.PublishedLog && !slices.Contains(l.ForeignTo, role) && len(l.Rights(role)) > 0
	})
}

// lacking are the rights that a role needs and the principal does not have. Topics that it
// may not describe are among those: whoever may read or write may describe.
func lacking(facts Facts, logs []events.Log, role events.Role) (out []events.ACL) {
	for _, l := range logs {
		for _, op := range l.Rights(role) {
			if !slices.Contains(facts.Rights.Topics[l.Topic], op) {
				out = append(out, events.ACL{Operation: op, Resource: events.TopicResource, Name: l.Topic})
			}
		}
	}
	for _, need := range onCopies(facts, role) {
		if !slices.Contains(facts.Rights.Topics[need.Name], need.Operation) {
			out = append(out, need)
		}
	}
	for _, need := range needs(facts.Prefix, facts.Queues, role) {
		if a, known := facts.on(need); known && a.Err == nil && !slices.Contains(a.Operations, need.Operation) {
			out = append(out, need)
		}
	}
	return out
}

// onCopies are the rights that a role needs on the topics that links copy into this cluster.
func onCopies(facts Facts, role events.Role) []events.ACL {
	if role != events.RoleReplicator {
		return nil // What they need at sources is not known here: links are declared at their target.
	}
	var chosen events.Chosen
	for _, name := range facts.Copies {
		chosen.Copies = append(chosen.Copies, events.Pattern{Name: name})
	}
	return slices.DeleteFunc((events.Topics{Prefix: facts.Prefix}).ACLs(role, chosen), func(a events.ACL) bool {
		return a.Resource != events.TopicResource || !slices.Contains(facts.Copies, a.Name)
	})
}

// untold are the rights that a role needs of which the brokers do not tell.
func untold(facts Facts, role events.Role) (out []Access) {
	for _, need := range needs(facts.Prefix, facts.Queues, role) {
		if a, known := facts.on(need); known && a.Err != nil {
			out = append(out, Access{Right: need, Err: a.Err})
		}
	}
	return out
}

// on is what the principal may do with what a right is on.
func (facts Facts) on(right events.ACL) (Access, bool) {
	if right.Resource == events.ClusterResource {
		return facts.onCluster(right), true
	}
	i := slices.IndexFunc(facts.Access, func(a Access) bool { return same(a.Right, right) })
	if i < 0 {
		return Access{}, false
	}
	return facts.Access[i], true
}

// onCluster is what the principal may do with the cluster. Brokers tell that only whoever may
// Describe it; of others it is seen whether they may read settings.
func (facts Facts) onCluster(right events.ACL) Access {
	a := Access{Right: right, Operations: facts.Rights.Cluster}
	if len(a.Operations) > 0 {
		return a
	}
	a.Err = &errUntold{named(right)}
	for _, b := range facts.Brokers {
		if b.Settings != nil {
			return Access{Right: right, Operations: []string{"DescribeConfigs"}}
		}
		var denied *kafka.Denied
		if errors.As(b.SettingsErr, &denied) {
			a.Err = nil
		}
	}
	return a
}

// dangerous are the operations by which records come to be, or go.
var dangerous = []string{"Write", "Delete", "Alter", "AlterConfigs"}

// beyond are the rights to change something that the role does not need: who may Read of a
// group may take partitions of it from others.
func beyond(facts Facts, logs []events.Log, role events.Role) (out []events.ACL) {
	for _, l := range logs {
		needed := l.Rights(role)
		for _, op := range facts.Rights.Topics[l.Topic] {
			if slices.Contains(dangerous, op) && !slices.Contains(needed, op) {
				out = append(out, events.ACL{Operation: op, Resource: events.TopicResource, Name: l.Topic})
			}
		}
	}
	needed := needs(facts.Prefix, facts.Queues, role)
	for _, op := range facts.Rights.Cluster {
		// A replicator needs ClusterAction to fence producer IDs that transactional IDs do not tell.
		if right := (events.ACL{Operation: op, Resource: events.ClusterResource}); slices.Contains(ruling, op) && (role != events.RoleReplicator || op != "ClusterAction") {
			out = append(out, right)
		}
	}
	for _, a := range facts.Access {
		for _, op := range []string{"Read", "Write", "Delete"} {
			right := a.Right
			right.Operation = op
			if slices.Contains(a.Operations, op) && !slices.Contains(needed, right) {
				out = append(out, right)
			}
		}
	}
	return out
}

// ruling are the operations on a cluster by which everything else can be allowed or changed.
var ruling = []string{"Alter", "AlterConfigs", "ClusterAction"}

// unrestricted tells whether all may be done with all of the topics.
func unrestricted(facts Facts, logs []events.Log) bool {
	return slices.Contains(facts.Rights.Cluster, "ClusterAction") && !slices.ContainsFunc(logs, func(l events.Log) bool {
		return slices.ContainsFunc(dangerous, func(op string) bool { return !slices.Contains(facts.Rights.Topics[l.Topic], op) })
	})
}
