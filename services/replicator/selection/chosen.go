package selection

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/replication/links"
)

// Chosen names the topics that links choose: of each source, by the name that links use,
// and of the site. Whether they are copied depends on their settings, too, which Select
// wants to know; Chosen does not.
func Chosen(in Input) (sources map[string][]string, target []string) {
	s := newSelecting(in, nil)
	of, own := map[string]map[string]bool{}, map[string]bool{}
	for _, c := range s.chosen() {
		if of[c.link.Source] == nil {
			of[c.link.Source] = map[string]bool{}
		}
		of[c.link.Source][c.topic.Name] = true
		if s.target[c.target] != nil {
			own[c.target] = true
		}
	}
	sources = map[string][]string{}
	for name, topics := range of {
		sources[name] = slices.Sorted(maps.Keys(topics))
	}
	return sources, slices.Sorted(maps.Keys(own))
}

// Choice returns what tells, of a topic of the source, whether a link chooses it. Of the input
// it takes the site, the groups and the applications of the source; whether the source has
// the topic, and whether another link has its target, is not asked.
func Choice(in Input, l *links.Link) func(topic string) bool {
	s := newSelecting(in, nil)
	by := s.choosers(l, in.Sources[l.Source])
	return func(topic string) bool {
		_, named, ok := by.choose(topic)
		return ok && !s.neverCopied(l, Topic{Name: topic}, named)
	}
}
