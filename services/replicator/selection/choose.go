package selection

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// choice is a topic of a source that a link chooses.
type choice struct {
	link   *links.Link
	source string // the cluster's ID
	topic  Topic
	target string // the name of its topic
	routed *mirror.Routing
	unseen bool // it is held, and its source does not tell of it
}

// key tells a choice from others.
func (c *choice) key() claim { return claim{c.link.Name, c.source, c.topic.Name} }

// choose lists the topics that a link chooses, by name.
func (s *selecting) choose(l *links.Link) (chosen []choice) {
	source, known := s.in.Sources[l.Source]
	switch {
	case !known:
		s.problem(l, "", UnknownSource, true, "the source %q is not in the configuration file of the replicator; add the cluster there, or name another in the link", l.Source)
		return nil
	case source.Rejected:
		s.problem(l, "", SourceRejected, false, "the source %q does not take the connection of the replicator, or is not trusted: %s; it is tried again by itself. Files of passwords and certificates are read anew each time; what else is wrong in the configuration file of the replicator is to be mended there, and the replicator started again", l.Source, source.Trouble)
	case source.Trouble != "":
		s.problem(l, "", SourceUnreachable, false, "the source %q cannot be reached: %s; it is tried again by itself. If that lasts, look whether the cluster runs, and whether its address in the configuration file of the replicator is right", l.Source, source.Trouble)
	}
	switch source.Cluster {
	case "":
		return nil
	case s.in.Site.Cluster:
		s.problem(l, "", SameCluster, true, "the source %q is the cluster of the site itself, %s; name another source", l.Source, source.Cluster)
		return nil
	}
	by := s.choosers(l, source)
	for _, topic := range source.Topics {
		routed, named, ok := by.choose(topic.Name)
		if !ok || s.neverCopied(l, topic, named) {
			continue
		}
		chosen = append(chosen, choice{link: l, source: source.Cluster, topic: topic, target: l.Prefix + topic.Name, routed: routed})
	}
	if source.Lacking != "" && (len(chosen) == 0 || len(l.Applications) > 0) {
		s.problem(l, "", SourceDenied, false, "the source %q hides what the replicator has no right to: %s; it is tried again by itself", l.Source, source.Lacking)
	}
	slices.SortFunc(chosen, func(a, b choice) int { return cmp.Compare(a.topic.Name, b.topic.Name) })
	return chosen
}

// neverCopied tells whether a topic is none to be copied. It is a problem only where the
// topic was named, not matched by a pattern.
func (s *selecting) neverCopied(l *links.Link, t Topic, named bool) bool {
	switch {
	case t.Internal || strings.HasPrefix(t.Name, "__"):
		if named {
			s.problem(l, t.Name, InternalTopic, true, "the topic is Kafka's own, and is never copied; take it out")
		}
		return true
	case ofReplicators(t.Name):
		if named {
			s.problem(l, t.Name, InternalTopic, true, "the topic is a log of replicators, which is of one cluster, and is never copied; take it out")
		}
		return true
	case s.own[l.Prefix+t.Name]:
		if named {
			s.problem(l, t.Name, OwnLog, true, "the target topic %s is a log of the site's own services; set a prefix in the link, or take the topic out", l.Prefix+t.Name)
		}
		return true
	case len(l.Prefix)+len(t.Name) > maxTopicName:
		s.problem(l, t.Name, BadName, true, "the name of the target topic has %d bytes, and Kafka allows %d; set a shorter prefix in the link", len(l.Prefix)+len(t.Name), maxTopicName)
		return true
	}
	return false
}

// maxTopicName is the size in bytes of the longest name that Kafka allows.
const maxTopicName = 249

// ofReplicators tells whether a topic is a log of replicators, under whatever prefix.
func ofReplicators(topic string) bool {
	return slices.ContainsFunc([]string{"links", "links.snapshots", "applications", "checkpoints", "status"}, func(name string) bool {
		rest, ok := strings.CutSuffix(topic, "replication."+name)
		return ok && (rest == "" || strings.HasSuffix(rest, "."))
	})
}

// choosers are what a link chooses by.
type choosers struct {
	include, exclude patterns
	named            map[string]bool
	routed           *mirror.Routing
	announced        map[string]*mirror.Routing // nil: all records
}

func (s *selecting) choosers(l *links.Link, source Source) choosers {
	c := choosers{exclude: s.compile(l, l.Exclude), named: map[string]bool{}, announced: map[string]*mirror.Routing{}}
	switch l.Model {
	case links.Grouped:
		s.groups(l, c.named)
	case links.Routed:
		c.routed = s.routing(l, "")
		c.include = s.compile(l, l.Include)
	default:
		c.include = s.compile(l, l.Include)
	}
	applications := s.compile(l, l.Applications)
	s.misread(l, source, applications)
	sorted := slices.SortedFunc(slices.Values(source.Applications), func(a, b Application) int { return cmp.Compare(a.Name, b.Name) })
	for _, a := range sorted {
		if !applications.match(a.Name) || len(a.Sites) > 0 && !slices.Contains(a.Sites, s.in.Site.Name) {
			continue
		}
		for _, topic := range a.Topics {
			if _, twice := c.announced[topic]; twice {
				continue // by an application before it in the alphabet
			}
			c.announced[topic] = nil
			if a.Routed {
				c.announced[topic] = s.routing(l, a.Header)
			}
		}
	}
	return c
}

// misread tells of records that announce nothing, but have the keys of applications that the
// link chooses.
func (s *selecting) misread(l *links.Link, source Source, applications patterns) {
	told := 0
	for _, b := range source.Bad {
		if told < mostMisread && (applications.match(b.Key) || b.Key == "" && len(applications.all) > 0) {
			told++
			s.problem(l, "", BadRecord, false, "the record %s/0@%d of %s, of key %.99q, announces nothing: %.300s; who has written it is to announce again, and until then what was announced before is copied%s",
				events.Topics{Prefix: s.in.Site.Prefix}.ReplicationApplications(), b.Offset, l.Source, b.Key, b.Why, takeAway(b.Key))
		}
	}
}

// takeAway is what else can be done about a record of that key.
func takeAway(key string) string {
	if links.CheckName("the key", key) != nil {
		return ""
	}
	return fmt.Sprintf("; \"spanway link withdraw %s\" at the source takes both away", key)
}

// mostMisread are told of for each link.
const mostMisread = 5

// choose tells whether a topic is chosen, and whether by its name.
func (c *choosers) choose(topic string) (routed *mirror.Routing, named, ok bool) {
	switch {
	case c.exclude.match(topic):
		return nil, false, false
	case c.named[topic]:
		return nil, true, true
	case c.include.match(topic):
		return c.routed, c.include.literal(topic), true
	}
	routed, ok = c.announced[topic]
	return routed, true, ok
}

// groups adds the topics of the link's groups that are bound to the site.
func (s *selecting) groups(l *links.Link, named map[string]bool) {
	for _, name := range l.Groups {
		i := slices.IndexFunc(s.in.Groups, func(g links.Group) bool { return g.Name == name })
		if i < 0 {
			s.problem(l, "", UnknownGroup, true, "the group %q is not declared; declare it, or take it out of the link", name)
			continue
		}
		if g := s.in.Groups[i]; len(g.Sites) == 0 || slices.Contains(g.Sites, s.in.Site.Name) {
			for _, topic := range g.Topics {
				named[topic] = true
			}
		}
	}
}

// routing is how records name their destinations: by the header of the application that
// has announced the topic, or by that of the link. What the link allows narrows either.
func (s *selecting) routing(l *links.Link, header string) *mirror.Routing {
	of := &l.Routing
	if header == "" {
		header = cmp.Or(of.Header, DefaultHeader)
	}
	r := &mirror.Routing{Header: header, Site: s.in.Site.Name, Allowed: of.Allowed, Unrouted: of.Unrouted}
	if of.PassUnknown {
		r.Unknown = mirror.GoOn
	}
	return r
}

// DefaultHeader names the sites of a record where neither link nor application names
// another one.
const DefaultHeader = "sites"

// patterns are expressions of RE2 that match whole names.
type patterns struct {
	of  []string
	all []*regexp.Regexp
}

func (s *selecting) compile(l *links.Link, all []string) patterns {
	p := patterns{of: all}
	for _, text := range all {
		re, err := regexp.Compile(`\A(?:` + text + `)\z`)
		if err != nil {
			s.problem(l, "", BadPattern, true, "the pattern %q: %v; see https://github.com/google/re2/wiki/Syntax", text, err)
			continue
		}
		p.all = append(p.all, re)
	}
	return p
}

func (p patterns) match(name string) bool {
	return slices.ContainsFunc(p.all, func(re *regexp.Regexp) bool { return re.MatchString(name) })
}

// literal tells whether a pattern is the name itself.
func (p patterns) literal(name string) bool {
	return slices.ContainsFunc(p.of, func(text string) bool { return text == name || text == regexp.QuoteMeta(name) })
}

// ownLogs are the topics of the site's services, replicators included. Queues are not: a copy
// may have the name of a queue that the site does not have.
func ownLogs(prefix string) map[string]bool {
	own, topics := map[string]bool{}, events.Topics{Prefix: prefix}
	for _, log := range slices.Concat(topics.Catalogue(), topics.ReplicationLogs()) {
		own[log.Topic] = true
	}
	return own
}

func (s *selecting) problem(l *links.Link, topic string, code Code, stops bool, format string, args ...any) {
	s.out.Problems = append(s.out.Problems, Problem{Link: l.Name, Topic: topic, Code: code, Text: fmt.Sprintf(format, args...), Stops: stops})
}
