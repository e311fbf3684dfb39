package links

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spanway/spanway/pkg/events"
)

// Bounds of what a site declares.
const (
	MaxLinks  = 1000
	MaxGroups = 1000
	// MaxNameBytes is for names of links, groups and applications.
	MaxNameBytes = 100
	// MaxPatterns are in one list, each of MaxPatternBytes at most.
	MaxPatterns     = 100
	MaxPatternBytes = 500
	// MaxNames are in one list of groups or sites, MaxTopics in one of topics.
	MaxNames  = 100
	MaxTopics = 1000
	// MaxResumed is how many topics and partitions of a link can be resumed by name.
	MaxResumed = 10_000
	// MaxRate bounds limits of bytes and records.
	MaxRate = 1 << 50
)

// Check says why the link cannot be declared: a *events.Malformed. It tells what the
// verdict of the log would be if it were the only one, and whether its patterns compile.
func (s Spec) Check() error {
	s = s.filled()
	if err := s.check(); err != nil {
		return err
	}
	for _, of := range s.patterns() {
		for _, p := range of.items {
			if err := CheckPattern(p); err != nil {
				return events.Refuse(events.CodeBadPattern, "%s: the pattern %q: %v; see https://github.com/google/re2/wiki/Syntax", of.name, p, err)
			}
		}
	}
	return nil
}

// list is one of a link, and its name.
type list struct {
	name  string
	items []string
}

func (s *Spec) patterns() []list {
	return []list{{"include", s.Include}, {"exclude", s.Exclude}, {"applications", s.Applications}}
}

// CheckPattern says why a pattern cannot be compiled.
func CheckPattern(p string) error {
	_, err := regexp.Compile(p) // On its own: a)|(b would compile in parentheses.
	return err
}

// check is what the fold refuses.
func (s *Spec) check() error {
	if err := CheckName("the name of the link", s.Name); err != nil {
		return err
	}
	if err := events.CheckID("the source", s.Source); err != nil {
		return err
	}
	if err := s.checkModel(); err != nil {
		return err
	}
	for _, l := range s.patterns() {
		if err := checkList(l.name, l.items, MaxPatterns, MaxPatternBytes); err != nil {
			return err
		}
	}
	for _, l := range []list{{"groups", s.Groups}, {"routing.allowed", s.Routing.Allowed}} {
		if err := checkList(l.name, l.items, MaxNames, events.MaxIDBytes); err != nil {
			return err
		}
	}
	if err := events.CheckPrefix(s.Prefix); err != nil {
		return events.Refuse(events.CodeBadData, "the prefix of the copies is %.50q; use a-z, A-Z, 0-9, '.', '_' and '-', 200 at most", s.Prefix)
	}
	if err := events.CheckOptionalID("routing.header", s.Routing.Header); err != nil {
		return err
	}
	return s.checkRest()
}

// checkRest checks policies and limits.
func (s *Spec) checkRest() error {
	for i, p := range []Policy{s.On.Recreated, s.On.Overtaken, s.On.Uncopyable} {
		if p != Stop && p != GoOn {
			what := [...]string{"recreated", "overtaken", "uncopyable"}[i]
			return events.Refuse(events.CodeBadData, "on.%s is %.50q; give %s or %s", what, p, Stop, GoOn)
		}
	}
	for i, n := range []int64{s.BytesPerSecond, s.RecordsPerSecond} {
		if n < 0 || n > MaxRate {
			what := [...]string{"bytes_per_second", "records_per_second"}[i]
			return events.Refuse(events.CodeBadData, "%s is %d; give 1 to %d, or 0 for no limit", what, n, int64(MaxRate))
		}
	}
	return nil
}

// checkModel checks that the link chooses something, and by its model.
func (s *Spec) checkModel() error {
	switch {
	case s.Model != Topic && s.Model != Grouped && s.Model != Routed:
		return events.Refuse(events.CodeBadData, "the model is %.50q; give %s, %s or %s", s.Model, Topic, Grouped, Routed)
	case s.Model == Grouped && len(s.Include) > 0:
		return events.Refuse(events.CodeBadData, "the model is group, and include is given; name groups, or give the model topic")
	case s.Model != Grouped && len(s.Groups) > 0:
		return events.Refuse(events.CodeBadData, "the model is %s, and groups are given; give the model group", s.Model)
	case len(s.Include)+len(s.Groups)+len(s.Applications) == 0:
		return events.Refuse(events.CodeBadData, "the link chooses nothing; give include, groups or applications")
	case s.Model != Routed && len(s.Applications) == 0 && !s.Routing.zero():
		return events.Refuse(events.CodeBadData, "the model is %s, and routing is given; give the model routed", s.Model)
	}
	return nil
}

// Check says why the group cannot be declared: a *events.Malformed.
func (g Group) Check() error {
	if err := CheckName("the name of the group", g.Name); err != nil {
		return err
	}
	if err := checkList("topics", g.Topics, MaxTopics, maxTopicBytes); err != nil {
		return err
	}
	return checkList("sites", g.Sites, MaxNames, events.MaxIDBytes)
}

// maxTopicBytes is what Kafka allows.
const maxTopicBytes = 249

// topicName is what Kafka takes, but for . and ..
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// CheckTopics checks that there can be topics of these names. The fold does not: logs may hold
// groups with others, which choose nothing.
func CheckTopics(names []string) error {
	for _, name := range names {
		if name == "." || name == ".." || !topicName.MatchString(name) {
			return events.Refuse(events.CodeBadData, "the topic is %.99q, and no topic of Kafka can have that name; use a-z, A-Z, 0-9, '.', '_' and '-', %d at most", name, maxTopicBytes)
		}
	}
	return nil
}

// CheckName checks the name of a link, a group or an application, which what says.
func CheckName(what, name string) error {
	switch {
	case name == "":
		return events.Refuse(events.CodeBadData, "%s is missing; give 1 to %d of a-z, A-Z, 0-9, '.', '_' and '-'", what, MaxNameBytes)
	case len(name) > MaxNameBytes:
		return events.Refuse(events.CodeBadData, "%s has %d bytes; at most %d are allowed", what, len(name), MaxNameBytes)
	case events.CheckPrefix(name) != nil:
		return events.Refuse(events.CodeBadData, "%s is %q; use a-z, A-Z, 0-9, '.', '_' and '-'", what, name)
	}
	return nil
}

// checkList checks a list of texts, each given once.
func checkList(what string, items []string, most, bytes int) error {
	if len(items) > most {
		return events.Refuse(events.CodeBadData, "%s has %d items; at most %d are allowed", what, len(items), most)
	}
	seen := map[string]bool{}
	for i, text := range items {
		switch {
		case text == "":
			return events.Refuse(events.CodeBadData, "item %d of %s is empty", i+1, what)
		case len(text) > bytes:
			return events.Refuse(events.CodeBadData, "item %d of %s has %d bytes; at most %d are allowed", i+1, what, len(text), bytes)
		case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
			return events.Refuse(events.CodeBadData, "item %d of %s is not text in UTF-8 without control characters: %q", i+1, what, text)
		case seen[text]:
			return events.Refuse(events.CodeBadData, "%s has %q twice", what, text)
		}
		seen[text] = true
	}
	return nil
}

// same tells whether two links copy the same to the same place, for certain.
func (s *Spec) same(other *Spec) bool {
	return s.Source == other.Source && s.Prefix == other.Prefix && s.Model == other.Model && alike(s.Include, other.Include) &&
		alike(s.Exclude, other.Exclude) && alike(s.Groups, other.Groups) && alike(s.Applications, other.Applications)
}

// alike tells whether two lists have the same items, in whatever order.
func alike(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
