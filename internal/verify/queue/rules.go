package queue

import (
	"regexp"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/spanway/spanway/pkg/events"
)

// rules are those of a queue, with the defaults filled in.
type rules struct {
	entries, bytes, entryBytes int64
	ids                        events.QueueIDs
	space                      string
}

// rulesOf reads settings; ok is false if a queue cannot have them.
func rulesOf(s *events.QueueSettings) (r rules, ok bool) {
	r = rules{s.GetMaxEntries(), s.GetMaxBytes(), s.GetMaxEntryBytes(), s.GetIds(), s.GetSpace()}
	if r.entries < 0 || r.entries > 1<<40 || r.bytes < 0 || r.bytes > 1<<60 || r.entryBytes < 0 || r.entryBytes > 256<<10 {
		return r, false
	}
	if r.entries == 0 {
		r.entries = 10_000_000
	}
	if r.bytes == 0 {
		r.bytes = 64 << 30
	}
	if r.entryBytes == 0 {
		r.entryBytes = 256 << 10
	}
	switch r.ids {
	case events.QueueIDs_QUEUE_IDS_SPACE:
		return r, r.space != "" && text(r.space)
	case events.QueueIDs_QUEUE_IDS_ANY, events.QueueIDs_QUEUE_IDS_UUIDV7, events.QueueIDs_QUEUE_IDS_SEQUENCE:
		return r, r.space == ""
	}
	return r, false
}

// text tells whether s may be an ID, or be left out.
func text(s string) bool {
	if len(s) > 256 || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if unicode.IsControl(c) {
			return false
		}
	}
	return true
}

var uuid7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// minute is that of a UUID of version 7, since the Unix epoch.
func minute(id string) int64 {
	ms, err := strconv.ParseInt(id[:8]+id[9:13], 16, 64)
	if err != nil {
		return 0 // It matches uuid7, so it is a number.
	}
	return ms / 60_000
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)

var pair = regexp.MustCompile(`^([1-9][0-9]{0,18})-([1-9][0-9]{0,18})$`)

// numbered is an ID of a sequence: a number under a term.
type numbered struct{ term, number int64 }

func numberedOf(id string) (n numbered, ok bool) {
	parts := pair.FindStringSubmatch(id)
	if parts == nil {
		return n, false
	}
	var err, err2 error
	n.term, err = strconv.ParseInt(parts[1], 10, 64)
	n.number, err2 = strconv.ParseInt(parts[2], 10, 64)
	return n, err == nil && err2 == nil
}

// fits tells whether an ID is of the queue's kind.
func (s *state) fits(id string) bool {
	switch s.rules.ids {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		return uuid7.MatchString(id)
	case events.QueueIDs_QUEUE_IDS_SPACE:
		_, err := strconv.ParseInt(id, 10, 64)
		return err == nil && decimal.MatchString(id)
	case events.QueueIDs_QUEUE_IDS_SEQUENCE:
		_, ok := numberedOf(id)
		return ok
	}
	return id != "" && text(id)
}

// old tells whether an ID is a UUID that is more than a day older than the newest: whether it
// was removed is forgotten, and so it is refused.
func (s *state) old(id string) bool {
	return s.rules.ids == events.QueueIDs_QUEUE_IDS_UUIDV7 && uuid7.MatchString(id) && minute(id) < s.newest-24*60
}
