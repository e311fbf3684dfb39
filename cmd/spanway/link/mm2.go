package link

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/magiconair/properties"

	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// Defaults of MirrorMaker 2.
const (
	defaultTopics    = ".*"
	defaultExclude   = `.*[\-\.]internal, .*\.replica, __.*`
	defaultSeparator = "."
	identityPolicy   = "IdentityReplicationPolicy"
	defaultPolicy    = "DefaultReplicationPolicy"
)

// counterparts are what becomes of properties of a flow (or of all), by their name there.
// What has a link's field is read; of all else it is said.
var counterparts = map[string]string{
	"enabled": "", "topics": "", "topics.exclude": "", "topics.blacklist": "", "replication.policy.class": "", "replication.policy.separator": "",
	"groups":                                              "offsets of consumer groups are not carried over by a link",
	"groups.exclude":                                      "offsets of consumer groups are not carried over by a link",
	"groups.blacklist":                                    "offsets of consumer groups are not carried over by a link",
	"sync.group.offsets.enabled":                          "offsets of consumer groups are not carried over by a link",
	"sync.group.offsets.interval.seconds":                 "offsets of consumer groups are not carried over by a link",
	"emit.checkpoints.enabled":                            "a link keeps its place in its target, and in replication.checkpoints",
	"emit.checkpoints.interval.seconds":                   "a link keeps its place in its target, and in replication.checkpoints",
	"sync.topic.acls.enabled":                             "access rights are not copied; grant them at the target",
	"sync.topic.acls.interval.seconds":                    "access rights are not copied; grant them at the target",
	"sync.topic.configs.enabled":                          "settings of topics always follow the source",
	"sync.topic.configs.interval.seconds":                 "settings of topics always follow the source",
	"config.properties.exclude":                           "which settings follow the source is fixed",
	"emit.heartbeats.enabled":                             "replicators report once a second; there is no topic of heartbeats in the source",
	"emit.heartbeats.interval.seconds":                    "replicators report once a second; there is no topic of heartbeats in the source",
	"refresh.topics.enabled":                              "topics are found within a second, always",
	"refresh.topics.interval.seconds":                     "topics are found within a second, always",
	"refresh.groups.enabled":                              "offsets of consumer groups are not carried over by a link",
	"refresh.groups.interval.seconds":                     "offsets of consumer groups are not carried over by a link",
	"tasks.max":                                           "copies are shared out over the replicators that run; run more of them",
	"exactly.once.source.support":                         "copies are exactly once, always",
	"dedicated.mode.enable.internal.rest":                 "replicators need no REST server",
	"offset-syncs.topic.replication.factor":               "there is no topic of offset syncs",
	"offset-syncs.topic.location":                         "there is no topic of offset syncs",
	"heartbeats.topic.replication.factor":                 "there is no topic of heartbeats",
	"checkpoints.topic.replication.factor":                "there is no topic of checkpoints",
	"replication.factor":                                  "topics are created with the default of the target's brokers",
	"offset.lag.max":                                      "each record's offset in the source stands in its header",
	"producer.override.acks":                              "copies are appended with acks=all, always",
	"add.source.alias.to.metrics":                         "metrics have the link as an attribute",
	"replication.policy.internal.topic.separator.enabled": "there are no internal topics",
}

// imported is what becomes of a file of MirrorMaker 2.
type imported struct {
	links []replication.Spec
	// notes say what has no counterpart, and what the operator has to do.
	notes []string
}

// mm2 is a file of MirrorMaker 2.
type mm2 struct {
	all      map[string]string
	clusters []string
	used     map[string]bool
}

// importMM2 makes links of the flows that lead to a cluster; if to is empty, there must be
// one target only.
func importMM2(text []byte, to string) (*imported, error) {
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	p, err := loader.LoadBytes(text)
	if err != nil {
		return nil, fmt.Errorf("it is no properties file: %w", err)
	}
	m := &mm2{all: p.Map(), used: map[string]bool{"clusters": true}}
	if m.clusters = items(m.all["clusters"]); len(m.clusters) < 2 {
		return nil, fmt.Errorf("clusters names %d clusters; a file of MirrorMaker 2 names two or more, as in: clusters = ams, fra", len(m.clusters))
	}
	targets, err := m.targets()
	switch {
	case err != nil:
		return nil, err
	case to == "" && len(targets) == 1:
		to = targets[0]
	case to == "":
		return nil, fmt.Errorf("it has flows to %s; say by --to whose links are to be made, and do it once for each", strings.Join(targets, " and "))
	case !slices.Contains(targets, to):
		return nil, fmt.Errorf("it has no flow to %q that is enabled; it has flows to %s", to, strings.Join(targets, " and "))
	}
	out := &imported{}
	for _, from := range m.clusters {
		if m.enabled(from, to) {
			out.links = append(out.links, m.link(out, from, to))
		}
	}
	m.rest(out, to)
	return out, nil
}

// items are those of a list.
func items(list string) (out []string) {
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" && !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}

// targets are the clusters to which a flow is enabled.
func (m *mm2) targets() (all []string, err error) {
	for _, to := range m.clusters {
		for _, from := range m.clusters {
			if m.enabled(from, to) && !slices.Contains(all, to) {
				all = append(all, to)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no flow is enabled; one is by %s->%s.enabled = true", m.clusters[0], m.clusters[1])
	}
	return all, nil
}

func (m *mm2) enabled(from, to string) bool {
	return from != to && strings.EqualFold(m.all[from+"->"+to+".enabled"], "true")
}

// of is a property of a flow: its own, or that of all, or that of MirrorMaker 2.
func (m *mm2) of(from, to, name, otherwise string) string {
	for _, key := range []string{from + "->" + to + "." + name, name} {
		if value, given := m.all[key]; given {
			m.used[key] = true
			return strings.TrimSpace(value)
		}
	}
	return otherwise
}

// link is the link of a flow.
func (m *mm2) link(out *imported, from, to string) replication.Spec {
	m.used[from+"->"+to+".enabled"] = true
	s := replication.Spec{
		Name: from + "-" + to, Source: from, Model: links.Topic,
		Include: items(cmp.Or(m.of(from, to, "topics", ""), defaultTopics)),
		Exclude: items(m.of(from, to, "topics.exclude", m.of(from, to, "topics.blacklist", defaultExclude))),
	}
	policy := m.of(from, to, "replication.policy.class", defaultPolicy)
	separator := m.of(from, to, "replication.policy.separator", defaultSeparator)
	switch policy = policy[strings.LastIndex(policy, ".")+1:]; policy {
	case identityPolicy:
	case defaultPolicy:
		s.Prefix = from + separator
	default:
		out.note("%s: the policy %s names topics in a way of its own; set topic names by prefix, or let them be the same", s.Name, policy)
	}
	for what, list := range map[string][]string{"include": s.Include, "exclude": s.Exclude} {
		for _, p := range list {
			if err := links.CheckPattern(p); err != nil {
				out.note("%s: %s has the pattern %q, which RE2 does not have (%v): write it in another way", s.Name, what, p, err)
			}
		}
	}
	if m.enabled(to, from) && s.Prefix == "" {
		s.Shared = true
		out.note("%s: the flow goes both ways with the same names of topics, so that the link is shared: others may write to its topics", s.Name)
	}
	return s
}

func (i *imported) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(i.notes, text) {
		i.notes = append(i.notes, text)
	}
}

// ofACluster is a property of the connection to a cluster.
var ofACluster = regexp.MustCompile(`^([^.>]+)\.(.+)$`)

// rest says of each property that is left what becomes of it.
func (m *mm2) rest(out *imported, to string) {
	for _, key := range slices.Sorted(maps.Keys(m.all)) {
		if m.used[key] {
			continue
		}
		name, flow := key, false
		if i := strings.Index(key, "->"); i > 0 {
			from, rest, _ := strings.Cut(key, "->")
			target, property, _ := strings.Cut(rest, ".")
			if target != to || !m.enabled(from, to) {
				continue // Of a flow that is not this site's.
			}
			name, flow = property, true
		}
		why, known := counterparts[name]
		of := ofACluster.FindStringSubmatch(key)
		switch {
		case known && why == "":
		case known:
			out.note("%s: %s", key, why)
		case !flow && of != nil && slices.Contains(m.clusters, of[1]):
			out.note("%s.*: how cluster %s is reached belongs into the configuration file of the replicator, as a cluster of that name", of[1], of[1])
		default:
			out.note("%s: has no counterpart", key)
		}
	}
	slices.Sort(out.notes)
}
