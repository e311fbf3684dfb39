package selection

import (
	"slices"
	"strings"
)

// await notes a topic that a replicator has made at the source, and of which no record was
// seen that is copied on. A target of it is not made: where two links lead both ways, each
// would copy the topics that the other one makes, and theirs again.
func (s *selecting) await(c *choice) {
	if c.link.Paused {
		return
	}
	for p := range c.topic.Partitions {
		s.out.Awaited = append(s.out.Awaited, s.copy(c, &Topic{Name: c.target}, p))
	}
}

// tellAwaited tells, once for each link, which topics are not copied for that.
func (s *selecting) tellAwaited() {
	topics := map[string][]string{}
	for i := range s.out.Awaited {
		c := &s.out.Awaited[i]
		topics[c.Link] = append(topics[c.Link], c.Config.Source.Topic)
	}
	for name, all := range topics {
		slices.Sort(all)
		all = slices.Compact(all)
		s.problem(s.link(name), "", OnlyCopies, false,
			"of the topics of the source %d have no record that this link copies on, but copies, or none at all (%s): a target is made with the first such record. Nothing is to be done; what is excluded is not looked at",
			len(all), some(all))
	}
}

// some are the first names.
func some(all []string) string {
	const most = 3
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return strings.Join(all[:most], ", ") + ", …"
}
