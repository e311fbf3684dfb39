package order

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Rules are those of a queue. In what a queue has every default is filled in; in what is
// asked for, 0 is the default.
type Rules struct {
	// MaxEntries is how many entries it may hold, MaxBytes how many bytes of payloads and
	// IDs, MaxEntryBytes how many bytes a payload may have.
	MaxEntries    int64
	MaxBytes      int64
	MaxEntryBytes int64
	// IDs is what the IDs of entries are; it cannot change. Space is that of the numbers.
	IDs   events.QueueIDs
	Space string
}

// The defaults of rules. MaxEntryBytes is also the most.
const (
	DefaultMaxEntries = 10_000_000
	DefaultMaxBytes   = 64 << 30
	MaxEntryBytes     = 256 << 10
)

// Settings are the rules as a message says them.
func (r Rules) Settings() *events.QueueSettings {
	return &events.QueueSettings{MaxEntries: r.MaxEntries, MaxBytes: r.MaxBytes, MaxEntryBytes: r.MaxEntryBytes, Ids: r.IDs, Space: r.Space}
}

// RulesOf fills in the defaults; nil is all of them. The error is a *events.Malformed.
func RulesOf(s *events.QueueSettings) (Rules, error) {
	r := Rules{MaxEntries: s.GetMaxEntries(), MaxBytes: s.GetMaxBytes(), MaxEntryBytes: s.GetMaxEntryBytes(), IDs: s.GetIds(), Space: s.GetSpace()}
	for _, bound := range []struct {
		name     string
		v        *int64
		standard int64
		most     int64
	}{
		{"max_entries", &r.MaxEntries, DefaultMaxEntries, 1 << 40},
		{"max_bytes", &r.MaxBytes, DefaultMaxBytes, 1 << 60},
		{"max_entry_bytes", &r.MaxEntryBytes, MaxEntryBytes, MaxEntryBytes},
	} {
		if *bound.v < 0 || *bound.v > bound.most {
			return Rules{}, events.Refuse(events.CodeBadData, "%s is %d; give 1 to %d, or 0 for %d", bound.name, *bound.v, bound.most, bound.standard)
		}
		if *bound.v == 0 {
			*bound.v = bound.standard
		}
	}
	switch r.IDs {
	case events.QueueIDs_QUEUE_IDS_ANY, events.QueueIDs_QUEUE_IDS_UUIDV7, events.QueueIDs_QUEUE_IDS_SEQUENCE:
		if r.Space != "" {
			return Rules{}, events.Refuse(events.CodeBadData, "space is %q, and ids is %s; name a space only if the IDs are taken from one", r.Space, r.IDs)
		}
	case events.QueueIDs_QUEUE_IDS_SPACE:
		if err := events.CheckID("the space of the IDs", r.Space); err != nil {
			return Rules{}, err
		}
	default:
		return Rules{}, events.Refuse(events.CodeBadData, "ids is %d; give any, uuidv7, space or sequence", r.IDs)
	}
	return r, nil
}

// Differ names the rules that others give otherwise, with both values.
func (r Rules) Differ(others Rules) string {
	kind := func(k events.QueueIDs) string { return strings.ToLower(strings.TrimPrefix(k.String(), "QUEUE_IDS_")) }
	var all []string
	for _, rule := range []struct {
		name      string
		is, other any
	}{
		{"max_entries", r.MaxEntries, others.MaxEntries},
		{"max_bytes", r.MaxBytes, others.MaxBytes},
		{"max_entry_bytes", r.MaxEntryBytes, others.MaxEntryBytes},
		{"ids", kind(r.IDs), kind(others.IDs)},
		{"space", r.Space, others.Space},
	} {
		if rule.is != rule.other {
			all = append(all, fmt.Sprintf("%s is %#v, not %#v", rule.name, rule.is, rule.other))
		}
	}
	return strings.Join(all, "; ")
}
