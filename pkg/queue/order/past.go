package order

import (
	"maps"
	"slices"
	"strconv"

	"github.com/spanway/spanway/pkg/events"
)

// past is the memory of the entries that were removed.
type past struct {
	kind events.QueueIDs
	any  keySet
	// newest is the minute of the newest UUID that was put in. minutes are the removed
	// ones of the minutes that are remembered.
	newest  int64
	minutes map[int64]*keySet
	numbers intervals
	// sequence is all that is remembered of one.
	sequence sequence
}

// uuidWindow is for how many minutes UUIDs are remembered: a day.
const uuidWindow = 24 * 60

func newPast(kind events.QueueIDs) past { return past{kind: kind, minutes: map[int64]*keySet{}} }

// takes tells whether an ID is of the kind.
func (p *past) takes(id string) bool {
	switch p.kind {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		_, ok := uuidMinute(id)
		return ok
	case events.QueueIDs_QUEUE_IDS_SPACE:
		_, ok := number(id)
		return ok
	case events.QueueIDs_QUEUE_IDS_SEQUENCE:
		_, ok := sequenceOf(id)
		return ok
	}
	return events.CheckID("the ID", id) == nil
}

// refuses is why an entry that is not held is not put in; empty if nothing is known against it.
// The ID is of the kind.
func (p *past) refuses(id string, k key) events.Code {
	switch {
	case p.kind == events.QueueIDs_QUEUE_IDS_SEQUENCE:
		s, _ := sequenceOf(id)
		return p.sequence.refuses(s)
	case p.has(id, k):
		return events.CodeAlreadyRemoved
	case p.tooOld(id):
		return events.CodeBadEntryID
	}
	return ""
}

// tooOld tells whether it is not known of an ID if it was removed.
func (p *past) tooOld(id string) bool {
	if p.kind != events.QueueIDs_QUEUE_IDS_UUIDV7 {
		return false
	}
	minute, ok := uuidMinute(id)
	return ok && minute < p.newest-uuidWindow
}

// has tells whether an entry was removed.
func (p *past) has(id string, k key) bool {
	switch p.kind {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		minute, _ := uuidMinute(id)
		set := p.minutes[minute]
		return set != nil && set.has(k)
	case events.QueueIDs_QUEUE_IDS_SPACE:
		n, ok := number(id)
		return ok && p.numbers.has(n)
	case events.QueueIDs_QUEUE_IDS_SEQUENCE:
		s, ok := sequenceOf(id)
		return ok && p.sequence.over(s)
	}
	return p.any.has(k)
}

// enqueued says that an entry was put in.
func (p *past) enqueued(id string) {
	if s, ok := sequenceOf(id); ok && p.kind == events.QueueIDs_QUEUE_IDS_SEQUENCE {
		p.sequence.put(s)
	}
	if p.kind != events.QueueIDs_QUEUE_IDS_UUIDV7 {
		return
	}
	minute, _ := uuidMinute(id)
	if minute <= p.newest {
		return
	}
	p.newest = minute
	for m := range p.minutes { // At most a day of them.
		if m < p.newest-uuidWindow {
			delete(p.minutes, m)
		}
	}
}

// removed says that an entry was taken out.
func (p *past) removed(id string, k key) {
	switch p.kind {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		minute, _ := uuidMinute(id)
		if minute < p.newest-uuidWindow {
			return
		}
		if p.minutes[minute] == nil {
			p.minutes[minute] = &keySet{}
		}
		p.minutes[minute].add(k)
	case events.QueueIDs_QUEUE_IDS_SPACE:
		n, _ := number(id)
		p.numbers.add(n)
	case events.QueueIDs_QUEUE_IDS_SEQUENCE: // Its number is used.
	default:
		p.any.add(k)
	}
}

// cost is how many keys or intervals are held, and how many bytes they take.
func (p *past) cost() (n int, bytes int64) {
	const perInterval, perKey = 16, 18
	if p.kind == events.QueueIDs_QUEUE_IDS_SPACE {
		return p.numbers.len(), int64(p.numbers.len()) * perInterval
	}
	if p.kind == events.QueueIDs_QUEUE_IDS_SEQUENCE {
		n = int(min(1, p.sequence.used()))
		return n, int64(n) * perInterval
	}
	n = p.any.n
	for _, set := range p.minutes {
		n += set.n
	}
	return n, int64(n) * perKey
}

func (p *past) append(dst []byte) []byte {
	switch p.kind {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		dst = putUvarint(putUvarint(dst, p.newest), len(p.minutes))
		for _, m := range slices.Sorted(maps.Keys(p.minutes)) {
			dst = p.minutes[m].append(putUvarint(dst, m))
		}
		return dst
	case events.QueueIDs_QUEUE_IDS_SPACE:
		return p.numbers.append(dst)
	case events.QueueIDs_QUEUE_IDS_SEQUENCE:
		return p.sequence.append(dst)
	}
	return p.any.append(dst)
}

// restore reads what append wrote. line is of the entries that are held.
func (p *past) restore(r *reader, line *line) {
	switch p.kind {
	case events.QueueIDs_QUEUE_IDS_UUIDV7:
		p.newest = r.number()
		last := int64(-1)
		for range r.count(2) {
			m := r.number()
			if m <= last {
				r.fail("minutes of removed entries are not in their order")
				return
			}
			last, p.minutes[m] = m, &keySet{}
			p.minutes[m].restore(r)
		}
	case events.QueueIDs_QUEUE_IDS_SPACE:
		p.numbers.restore(r)
	case events.QueueIDs_QUEUE_IDS_SEQUENCE:
		if err := p.sequence.restore(r.number, line); err != nil {
			r.fail("%v", err)
		}
	default:
		p.any.restore(r)
	}
}

// uuidMinute is the minute that a UUID of version 7 names.
func uuidMinute(id string) (minute int64, ok bool) {
	ms, ok := TimeOf(id)
	return ms / 60_000, ok
}

// TimeOf is the time that a UUID of version 7 names, in milliseconds since the Unix epoch, if
// id is one in its usual form: 36 characters, digits in lower case.
func TimeOf(id string) (ms int64, ok bool) {
	if len(id) != 36 || id[14] != '7' || id[19] != '8' && id[19] != '9' && id[19] != 'a' && id[19] != 'b' {
		return 0, false
	}
	if id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return 0, false
	}
	const ofTime = len("00000000-0000") // 48 bits of milliseconds.
	for i := range len(id) {
		v := digit[id[i]]
		if v == 0 && i != 8 && i != 13 && i != 18 && i != 23 {
			return 0, false
		}
		if i < ofTime && i != 8 {
			ms = ms<<4 | int64(v-1)
		}
	}
	return ms, true
}

// digit is what each hexadecimal digit in lower case is worth, more by 1; 0 for all else.
var digit = func() (worth [256]byte) {
	for i := range 16 {
		worth["0123456789abcdef"[i]] = byte(i) + 1
	}
	return worth
}()

// number is the one that an ID is in decimal digits, in the one way to write it.
func number(id string) (n int64, ok bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == id
}
