package network

import (
	"maps"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Site is a site and its labels.
type Site struct {
	Name   string
	Labels map[string]string
}

// Selector selects sites by their labels.
type Selector struct{ terms []term }

// term is one of a selector: the label has this value, has not, or is there.
type term struct {
	key, value string
	not, any   bool
}

// maxTerms bounds a selector.
const maxTerms = 20

// ParseSelector reads "region=eu,tier!=edge,gpu", or "*" for every site. The error is a
// *events.Malformed.
func ParseSelector(text string) (Selector, error) {
	if text == "*" {
		return Selector{}, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) > maxTerms {
		return Selector{}, events.Refuse(events.CodeBadSpan, "the selector has %d terms; at most %d are allowed", len(parts), maxTerms)
	}
	var s Selector
	for _, part := range parts {
		t := term{key: part, any: true}
		if k, v, ok := strings.Cut(part, "!="); ok {
			t = term{key: k, value: v, not: true}
		} else if k, v, ok := strings.Cut(part, "="); ok {
			t = term{key: k, value: v}
		}
		t.key, t.value = strings.TrimSpace(t.key), strings.TrimSpace(t.value)
		if !labelled(t.key) || t.value != "" && !labelled(t.value) {
			return Selector{}, events.Refuse(events.CodeBadSpan, "the selector %.80q has the term %.80q; give LABEL=VALUE, LABEL!=VALUE or LABEL, or * for every site", text, part)
		}
		s.terms = append(s.terms, t)
	}
	return s, nil
}

// Matches tells whether the selector finds a site with these labels.
func (s Selector) Matches(labels map[string]string) bool {
	for _, t := range s.terms {
		v, there := labels[t.key]
		if match := there && (t.any || v == t.value); match == t.not {
			return false
		}
	}
	return true
}

// maxLabels are on one object or site, maxLabelBytes in each key and each value.
const (
	maxLabels     = 64
	maxLabelBytes = 63
)

// labelled tells whether it can be the key or the value of a label.
func labelled(s string) bool {
	return s != "" && len(s) <= maxLabelBytes && strings.IndexFunc(s, func(r rune) bool {
		return r > 'z' || !alphanumeric(byte(r)|0x20) && !strings.ContainsRune("-_./", r)
	}) < 0
}

// CheckLabels checks the labels of a site or an object. The error is a *events.Malformed.
func CheckLabels(labels map[string]string) error {
	if len(labels) > maxLabels {
		return events.Refuse(events.CodeBadData, "there are %d labels; at most %d are allowed", len(labels), maxLabels)
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if !labelled(k) || labels[k] != "" && !labelled(labels[k]) {
			return events.Refuse(events.CodeBadData, "the label is %.80q=%.80q; give 1 to %d of a-z, A-Z, 0-9, '-', '_', '.' and '/', and the value may be empty", k, labels[k], maxLabelBytes)
		}
	}
	return nil
}

// CheckSite checks the name of a site: it is part of the names of topics. The error is a
// *events.Malformed.
func CheckSite(name string) error {
	if !nameable(name) {
		return events.Refuse(events.CodeBadData, "the site is %.80q; give 1 to %d of a-z, 0-9, '-', '_' and '.', with a letter or a digit at both ends", name, maxNameBytes)
	}
	return nil
}

// names lists the sites that a span finds: sorted, each once.
func (s *State) names(span *events.NetworkSpan) []string {
	found := slices.Clone(span.GetSites())
	if span.GetSelector() != "" {
		if sel, err := ParseSelector(span.Selector); err == nil {
			for name, labels := range s.sites {
				if sel.Matches(labels) {
					found = append(found, name)
				}
			}
		}
	}
	found = slices.DeleteFunc(found, func(name string) bool { return !s.HasSite(name) })
	slices.Sort(found)
	return slices.Compact(found)
}
