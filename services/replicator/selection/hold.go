package selection

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/replication/links"
)

// unseen are the topics that links hold and that are not chosen here, but may be by those that
// hold them: their sources are not known yet or do not answer, or all that is so new that what
// this process knows of the link or of its source may be older.
func (s *selecting) unseen(chosen []choice) (all []choice) {
	seen := map[Hold]bool{}
	for i := range chosen {
		seen[chosen[i].hold()] = true
	}
	fate := Past(s.in)
	for h, of := range s.in.Held {
		i := slices.IndexFunc(s.in.Links, named(h.Link))
		switch {
		case seen[h]:
			continue
		case of.Fresh && i < 0:
			all = append(all, choice{link: unknown(h.Link), topic: Topic{Name: h.Topic}, target: h.Target, unseen: true})
			continue
		case i < 0 || !of.Fresh && fate(h.Link, h.Topic, h.Target, 0) != Unknown:
			continue
		}
		l := &s.in.Links[i]
		source := s.in.Sources[l.Source]
		announced := source.Applications == nil && len(l.Applications) > 0
		if !of.Fresh && (h.Target != l.Prefix+h.Topic || partitions(source.Topics, h.Topic) > 0 && !announced || !announced && !Choice(s.in, l)(h.Topic)) {
			continue
		}
		all = append(all, choice{link: l, source: source.Cluster, topic: Topic{Name: h.Topic}, target: h.Target, unseen: true})
	}
	slices.SortFunc(all, func(a, b choice) int {
		return cmp.Or(byAge(a.link, b.link), strings.Compare(a.topic.Name, b.topic.Name))
	})
	return all
}

// unknown stands for a link of which only the name is known.
func unknown(name string) *links.Link { return &links.Link{Spec: links.Spec{Name: name}} }

// byAge puts older links first.
func byAge(a, b *links.Link) int {
	return cmp.Or(cmp.Compare(a.Since, b.Since), strings.Compare(a.Name, b.Name))
}

// hold is what a choice holds, or would.
func (c *choice) hold() Hold { return Hold{c.link.Name, c.topic.Name, c.target} }

// inOrder puts first what holds its target topic: as all replicators read it, so that they
// agree, and of several what was told first; else as was selected before. Of equals the older
// link is first.
func (s *selecting) inOrder(all []choice) []choice {
	by := func(c *choice) Holding { return s.in.Held[c.hold()] }
	held := func(c *choice) int {
		if by(c).Firmness == 0 && slices.Contains(s.before[c.target], c.key()) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b choice) int {
		x, y := by(&a), by(&b)
		return cmp.Or(cmp.Compare(y.Firmness, x.Firmness), cmp.Compare(x.Claim, y.Claim), cmp.Compare(held(&b), held(&a)), byAge(a.link, b.link))
	})
	return all
}

// take tells whether the target topic is this choice's to write.
func (s *selecting) take(c *choice) bool {
	for _, other := range s.out.holders[c.target] {
		of := s.link(other.link)
		switch {
		case other.source == c.source && other.topic == c.topic.Name:
			s.taken(c, "the link %s copies the same topic into %s, perhaps by another name of the cluster; exclude it from one of them", other.link, c.target)
			return false
		case !c.link.Shared || !of.Shared:
			s.taken(c, "the link %s copies topic %s into %s; set a prefix in one of them, exclude it from one, or declare both shared", other.link, other.topic, c.target)
			return false
		}
	}
	if t := s.target[c.target]; t != nil && t.Settings[timestampType] == logAppendTime && !c.unseen {
		s.problem(c.link, c.topic.Name, LogAppendTime, true,
			"the target topic %s has %s=%s, which would replace the records' times; set it with kafka-configs --alter --entity-type topics --entity-name %s --add-config %s=%s",
			c.target, timestampType, logAppendTime, c.target, timestampType, createTime)
		return false
	}
	s.out.holders[c.target] = append(s.out.holders[c.target], c.key())
	return true
}

// taken tells that another choice has the target of one.
func (s *selecting) taken(c *choice, text string, args ...any) {
	if !c.unseen {
		s.problem(c.link, c.topic.Name, TwoLinks, true, text, args...)
	}
}

// Stops tells whether a problem keeps a topic of a link from being copied.
func (s *Selection) Stops(link, topic string) bool {
	return slices.ContainsFunc(s.Problems, func(p Problem) bool { return p.Stops && p.Link == link && p.Topic == topic })
}
