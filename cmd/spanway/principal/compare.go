package principal

import (
	"slices"
	"strings"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// allows tells whether a right that is held is enough for one that is needed. Kafka has some
// rights include others.
func allows(held kafka.Granted, need events.ACL) bool {
	if held.Denies || held.Host != "*" || held.Resource != need.Resource {
		return false
	}
	switch {
	case held.Operation == need.Operation, held.Operation == "All":
	case need.Operation == "Describe" && slices.Contains([]string{"Read", "Write", "Delete", "Alter"}, held.Operation):
	case need.Operation == "DescribeConfigs" && held.Operation == "AlterConfigs":
	default:
		return false
	}
	switch {
	case held.Prefixed:
		return strings.HasPrefix(need.Name, held.Name)
	case held.Name == "*":
		return true
	}
	return held.Name == need.Name && !need.Prefixed
}

// suffice tells whether rights that are held are all that is needed.
func suffice(held []kafka.Granted, needed []events.ACL) bool {
	return !slices.ContainsFunc(needed, func(need events.ACL) bool {
		return !slices.ContainsFunc(held, func(h kafka.Granted) bool { return allows(h, need) })
	})
}

// queues are those to which somebody has rights: by name, by what names begin with, or all.
func queues(held []kafka.Granted, of events.Topics) (found []events.Pattern) {
	for _, h := range held {
		name, ok := strings.CutPrefix(h.Name, of.Queue(""))
		pattern := events.Pattern{Name: name, Prefixed: h.Prefixed}
		if h.Name == "*" || h.Prefixed && strings.HasPrefix(of.Queue(""), h.Name) {
			pattern, ok = events.Pattern{Prefixed: true}, true
		}
		if ok && h.Resource == events.TopicResource && !strings.HasSuffix(name, events.Snapshots("")) && !slices.Contains(found, pattern) {
			found = append(found, pattern)
		}
	}
	return found
}

// copies tells whether somebody may read a topic that is none of Spanway's and not write to it, as
// a replicator must that copies it from there.
func copies(held []kafka.Granted, of events.Topics) bool {
	return slices.ContainsFunc(held, func(h kafka.Granted) bool {
		own := strings.HasPrefix(h.Name, of.Prefix) || h.Prefixed && strings.HasPrefix(of.Prefix, h.Name)
		reads := !h.Denies && h.Resource == events.TopicResource && h.Operation == "Read"
		return reads && !own && !suffice(held, []events.ACL{{Operation: "Write", Resource: h.Resource, Name: h.Name, Prefixed: h.Prefixed}})
	})
}

// roles are those for which the rights suffice, and included those of them that need less than
// another. Which queues it uses follows from its rights, and it may host one and use another. Of
// topics that it copies it is looked whether there are any: who may read some has the role of a
// replicator's source by itself, whatever other role needs all else of it.
func roles(held []kafka.Granted, prefix string) (found, included []events.Role) {
	of := events.Topics{Prefix: prefix}
	needs := map[events.Role][]events.ACL{}
	choices := []events.Chosen{{}}
	for _, q := range queues(held, of) {
		choices = append(choices, events.Chosen{Queues: []events.Pattern{q}})
	}
	for _, role := range events.Roles() {
		for _, chosen := range choices {
			all := of.ACLs(role, chosen)
			if !suffice(held, all) {
				continue
			}
			for _, need := range all {
				if !slices.Contains(needs[role], need) {
					needs[role] = append(needs[role], need)
				}
			}
		}
	}
	found, included = []events.Role{}, []events.Role{}
	for _, role := range events.Roles() {
		within := func(other events.Role) bool {
			less := len(needs[role]) < len(needs[other]) || len(needs[role]) == len(needs[other]) && role > other
			return less && !slices.ContainsFunc(needs[role], func(need events.ACL) bool {
				return !slices.ContainsFunc(needs[other], func(has events.ACL) bool { return allows(kafka.Granted{Right: kafka.Right{ACL: has}, Host: "*"}, need) })
			})
		}
		switch {
		case len(needs[role]) == 0:
		case role == events.RoleReplicatorSource && copies(held, of):
			found = append(found, role)
		case slices.ContainsFunc(events.Roles(), within):
			if role != events.RoleReplicatorSource { // It is nothing without the topics.
				included = append(included, role)
			}
		default:
			found = append(found, role)
		}
	}
	return found, included
}

// How a right stands against what is needed.
const (
	needed  = "needed"
	extra   = "extra"
	missing = "missing"
	denies  = "denies"
)

// compare says of each right that is held whether it is needed as it is, and which are missing.
func compare(held []kafka.Granted, need []kafka.Right) (rights []heldView) {
	for _, h := range held {
		v := heldView{rightView: viewRight(h.ACL), Host: h.Host, State: extra}
		switch {
		case h.Denies:
			v.State = denies
		case h.Host == "*" && slices.ContainsFunc(need, func(n kafka.Right) bool { return n.ACL == h.ACL }):
			v.State = needed
		}
		rights = append(rights, v)
	}
	for _, n := range need {
		if !suffice(held, []events.ACL{n.ACL}) {
			rights = append(rights, heldView{rightView: viewRight(n.ACL), Host: "*", State: missing})
		}
	}
	return rights
}
