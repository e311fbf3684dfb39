package allocator

import (
	"cmp"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// What a command means that does not say it.
const (
	defaultFrom       = 1
	defaultQuarantine = time.Hour
	defaultMaxCount   = 65_536
)

// command is a command as it is to be decided.
type command struct {
	typ events.Type
	// space and requestID are those of the answer.
	space, requestID string
	// call is what is called; of a grant its range is proposed later.
	call  proto.Message
	grant *events.IdsRangeGranted
	count int64
	// among: it stands in a record with others, and so does its answer.
	among bool
	// keep, if set, puts the rules of a space that exists where its declaration says nothing.
	keep func(idspace.Rules)
	// bad is why it can never be decided, if it names what can be answered.
	bad *events.Malformed
}

// read makes commands of a record: one, or as many as stand in it together. The error is a
// *events.Malformed: nothing can be answered.
func read(rec *events.Record) (all []command, err error) {
	env, m, err := events.Decode(rec)
	if err != nil { // What it asks for may be known all the same.
		var lenient error
		if env, m, lenient = events.DecodeKnown(rec); lenient != nil {
			return nil, err
		}
	}
	bad := asMalformed(err)
	if ranges, ok := m.(*events.IdsRangesRequested); ok {
		return together(env, ranges, bad)
	}
	c := command{typ: env.Type, bad: bad}
	if known := c.fill(env, m); !known {
		return nil, events.Refuse(events.CodeUnknownType, "%s is no command for an allocator", env.Type)
	}
	return []command{c}, c.check()
}

// together makes a command of each request that stands in a record. What names one of them
// badly is the fault of all: it is one record, and could only be answered in parts.
func together(env events.Envelope, m *events.IdsRangesRequested, bad *events.Malformed) ([]command, error) {
	if n := len(m.Ranges); n == 0 || n > events.MaxTogether {
		return nil, events.Refuse(events.CodeBadData, "%d requests in one record: give 1 to %d", n, events.MaxTogether)
	}
	all := make([]command, len(m.Ranges))
	for i, one := range m.Ranges {
		if one.RequestId == "" {
			return nil, events.Refuse(events.CodeBadData, "request %d of those in one record has no request ID", i)
		}
		c := &all[i]
		c.typ, c.among, c.bad = events.TypeIdsRangeRequested, true, bad
		one.Space = m.Space
		c.fill(env, one)
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// check refuses what could not be answered.
func (c *command) check() error {
	if err := events.CheckID("the space", c.space); err != nil {
		return err
	}
	return events.CheckID("the request ID", c.requestID)
}

// fill says what is to be called.
func (c *command) fill(env events.Envelope, m proto.Message) (known bool) {
	of := func(space, requestID string) {
		c.space, c.requestID = cmp.Or(space, env.Subject), cmp.Or(requestID, env.ID)
	}
	switch m := m.(type) {
	case *events.IdsRangeRequested:
		of(m.Space, m.RequestId)
		c.count = 1
		if m.Count != nil {
			c.count = *m.Count
		}
		c.grant = &events.IdsRangeGranted{Space: c.space, RequestId: c.requestID, Owner: m.Owner, LeaseMs: c.ms(m.Lease, "lease")}
		c.named("the owner", m.Owner)
	case *events.IdsReserveRequested:
		of(m.Space, m.RequestId)
		c.call = &events.IdsRangeGranted{
			Space: c.space, RequestId: c.requestID, Owner: m.Owner, LeaseMs: c.ms(m.Lease, "lease"), From: m.From, To: m.To, Reserved: true,
		}
		c.part("reserve", m.From, m.To)
		c.count = m.To - m.From + 1
		c.named("the owner", m.Owner)
	case *events.IdsRenewRequested:
		of(m.Space, m.RequestId)
		c.call = &events.IdsGrantRenewed{Space: c.space, RequestId: c.requestID, Owner: m.Owner, LeaseMs: c.ms(m.Lease, "lease")}
	case *events.IdsReleaseRequested:
		of(m.Space, m.RequestId)
		c.call = c.release(m)
	default:
		return c.fillSpace(env, m)
	}
	return true
}

func (c *command) fillSpace(env events.Envelope, m proto.Message) (known bool) {
	c.requestID = env.ID
	switch m := m.(type) {
	case *events.IdsSpaceRequested:
		c.space = cmp.Or(m.Space, env.Subject)
		c.bad = cmp.Or(c.bad, asMalformed(events.CheckSpace(c.space)))
		c.declare(m)
	case *events.IdsGrowRequested:
		c.space = cmp.Or(m.Space, env.Subject)
		c.call = &events.IdsSpaceGrown{Space: c.space, To: m.To}
	case *events.IdsDeleteRequested:
		c.space = cmp.Or(m.Space, env.Subject)
		c.call = &events.IdsSpaceDeleted{Space: c.space, Force: m.Force}
	default:
		return false
	}
	return true
}

// declare has the rules of a space. Where the command says nothing they are those of a new
// one; of one that exists, and is not to be created, they stay as they are.
func (c *command) declare(m *events.IdsSpaceRequested) {
	call := &events.IdsSpaceDeclared{
		Space: c.space, From: defaultFrom, To: m.To, QuarantineMs: defaultQuarantine.Milliseconds(), MaxCount: cmp.Or(m.MaxCount, defaultMaxCount), Create: m.Create,
	}
	if m.From != nil {
		call.From = *m.From
	}
	if m.Quarantine != "" {
		call.QuarantineMs = c.ms(m.Quarantine, "quarantine")
	}
	if c.call = call; !m.Create {
		c.keep = func(has idspace.Rules) {
			if m.From == nil {
				call.From = has.From
			}
			if m.Quarantine == "" {
				call.QuarantineMs = has.QuarantineMs
			}
			call.MaxCount = cmp.Or(m.MaxCount, has.MaxCount)
		}
	}
	if call.From < 0 || call.From > m.To || m.To > idspace.MaxIdentifier || m.MaxCount < 0 || m.MaxCount > idspace.MaxIdentifier+1 {
		c.refuse("a space from %d to %d with at most %d in a grant: give 0 <= from <= to <= %d, and a count of at least 1", call.From, m.To, m.MaxCount, int64(idspace.MaxIdentifier))
	}
}

// release has a part, or all.
func (c *command) release(m *events.IdsReleaseRequested) proto.Message {
	out := &events.IdsRangeReleased{Space: c.space, RequestId: c.requestID, Owner: m.Owner, Force: m.Force}
	switch {
	case m.From == nil && m.To == nil:
		out.Whole = true
	case m.From == nil || m.To == nil:
		c.refuse("a part to release needs from and to; give both, or neither for all of the grant")
	default:
		out.From, out.To = *m.From, *m.To
		c.part("release", out.From, out.To)
	}
	return out
}

// part checks a first and a last identifier.
func (c *command) part(what string, from, to int64) {
	if from < 0 || from > to || to > idspace.MaxIdentifier {
		c.refuse("%s from %d to %d: give 0 <= from <= to <= %d", what, from, to, int64(idspace.MaxIdentifier))
	}
}

// ms reads a duration; none is 0.
func (c *command) ms(text, what string) int64 {
	if text == "" {
		return 0
	}
	d, err := events.ParseDuration(text)
	if err != nil || d < 0 || d > 0 && d < time.Millisecond {
		c.refuse("the %s is %.100q; give 1ms to 2562047h, such as \"1h\"", what, text)
		return 0
	}
	return d.Milliseconds()
}

func (c *command) named(what, name string) {
	if err := events.CheckOptionalID(what, name); err != nil && c.bad == nil {
		c.bad = asMalformed(err)
	}
}

func (c *command) refuse(format string, args ...any) {
	if c.bad == nil {
		c.bad = events.Refuse(events.CodeBadData, format, args...)
	}
}

// stamp notes when the call is made.
func stamp(m proto.Message, atMs int64) {
	switch m := m.(type) {
	case *events.IdsRangeGranted:
		m.AtMs = atMs
	case *events.IdsGrantRenewed:
		m.AtMs = atMs
	case *events.IdsRangeReleased:
		m.AtMs = atMs
	case *events.IdsSpaceDeclared:
		m.AtMs = atMs
	case *events.IdsSpaceGrown:
		m.AtMs = atMs
	case *events.IdsSpaceDeleted:
		m.AtMs = atMs
	}
}

// asMalformed is what is malformed; nil if nothing is.
func asMalformed(err error) *events.Malformed {
	if err == nil { // What follows allocates.
		return nil
	}
	var m *events.Malformed
	if errors.As(err, &m) {
		return m
	}
	return nil
}
