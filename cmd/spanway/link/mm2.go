package link

import (
	"fmt"
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

// neverCopied are topics that MirrorMaker 2 does not copy whatever its lists say.
var neverCopied = []string{`.*[\-\.]internal`, `__.*`}

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
		if !m.enabled(from, to) {
			continue
		}
		if l, ok := m.link(out, from, to); ok {
			out.links = append(out.links, l)
		}
	}
	if len(out.links) == 0 {
		return nil, fmt.Errorf("no flow to %s copies a topic: each has an empty list of topics", to)
	}
	out.crossing(to)
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

// property is a property of a flow: its own, or that of all, or that of MirrorMaker 2; and the
// key that gives it, empty if none does.
func (m *mm2) property(from, to, name, otherwise string) (key, value string) {
	for _, key := range []string{from + "->" + to + "." + name, name} {
		if value, given := m.all[key]; given {
			return key, strings.TrimSpace(value)
		}
	}
	return "", otherwise
}

// of is property, and notes that it has its counterpart.
func (m *mm2) of(from, to, name, otherwise string) string {
	key, value := m.property(from, to, name, otherwise)
	m.used[key] = true
	return value
}

// policyName is the name of a class without its package.
func policyName(class string) string { return class[strings.LastIndex(class, ".")+1:] }

// link is the link of a flow; false if it copies nothing.
func (m *mm2) link(out *imported, from, to string) (s replication.Spec, ok bool) {
	m.used[from+"->"+to+".enabled"] = true
	s = replication.Spec{
		Name: from + "-" + to, Source: from, Model: links.Topic,
		Include: items(m.of(from, to, "topics", defaultTopics)),
		Exclude: items(m.of(from, to, "topics.exclude", m.of(from, to, "topics.blacklist", defaultExclude))),
	}
	policy := policyName(m.of(from, to, "replication.policy.class", defaultPolicy))
	separator := m.of(from, to, "replication.policy.separator", defaultSeparator)
	if len(s.Include) == 0 {
		out.note("%s: its list of topics is empty, so that MirrorMaker 2 copies none: no link is made of it", s.Name)
		return s, false
	}
	for _, p := range neverCopied {
		if !slices.Contains(s.Exclude, p) {
			s.Exclude = append(s.Exclude, p)
		}
	}
	switch policy {
	case identityPolicy:
	case defaultPolicy:
		s.Prefix = from + separator
		if separator != "" { // Else no name tells where its topic was.
			s.Exclude = append(s.Exclude, cameFrom(to, separator))
		}
	default:
		out.note("%s: the policy %.99q names topics in a way of its own; the link gives them the same names as in the source: set its prefix if they are to have one", s.Name, policy)
	}
	s.Include, s.Exclude = folded(s.Include), folded(s.Exclude)
	if _, back := m.property(to, from, "replication.policy.class", defaultPolicy); m.enabled(to, from) && s.Prefix == "" && policyName(back) != defaultPolicy {
		s.Shared = true
		out.note("%s: the flow goes both ways with the same names of topics, so that the link is shared: others may write to its topics", s.Name)
	}
	out.check(&s)
	return s, true
}

// cameFrom are the topics that were at a cluster before, as MirrorMaker 2 tells them: one of the
// names that its policy has put in front is that cluster's.
func cameFrom(cluster, separator string) string {
	sep := regexp.QuoteMeta(separator)
	return "(.*" + sep + ")?" + regexp.QuoteMeta(cluster) + sep + ".*"
}

// folded are patterns, several in one if there are more than a link may have. One that cannot
// be compiled stays alone, and is told of.
func folded(patterns []string) (out []string) {
	if len(patterns) <= links.MaxPatterns {
		return patterns
	}
	for _, p := range patterns {
		last := len(out) - 1
		if last >= 0 && len(out[last])+1+len(p) <= links.MaxPatternBytes && links.CheckPattern(p) == nil && links.CheckPattern(out[last]) == nil {
			out[last] += "|" + p
		} else {
			out = append(out, p)
		}
	}
	return out
}

// check says what of a link has to be changed before it can be applied.
func (i *imported) check(s *replication.Spec) {
	ok := true
	for _, of := range []struct {
		what string
		list []string
	}{{"include", s.Include}, {"exclude", s.Exclude}} {
		for _, p := range of.list {
			if err := links.CheckPattern(p); err != nil {
				ok = false
				i.note("%s: %s has the pattern %q, which is none of RE2 (%v): write it in another way", s.Name, of.what, p, err)
			}
		}
	}
	if err := s.Check(); ok && err != nil {
		i.note("%s: link apply does not take this link as it is: %v", s.Name, err)
	}
}

// crossing says that links may name their copies alike: of each topic one link alone has the
// copy.
func (i *imported) crossing(to string) {
	for n := range i.links {
		for _, other := range i.links[n+1:] {
			if i.links[n].Prefix == other.Prefix {
				i.note("%s, %s: both give copies at %s the same names; a topic that both choose is copied by one of them alone (two_links): give them prefixes, or choose other topics", i.links[n].Name, other.Name, to)
			}
		}
	}
}

func (i *imported) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(i.notes, text) {
		i.notes = append(i.notes, text)
	}
}
