package shared

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// reading is what the whole log says, from its first record on.
type reading struct {
	decided []decided
	// states are the hashes of the fold, by the offset below which all is folded.
	states []uint64
	// ends are the leases that time has ended.
	ends []ended
	core *toy
	due  int64
	// verdicts are by the judge's own rule.
	verdicts map[sharedlog.CallID]sharedlog.Verdict
	ruled    []decided
}

type decided struct {
	call    sharedlog.Call
	verdict sharedlog.Verdict
}

// ended is the end of a lease by the move at an offset. The token is the place of its claim.
type ended struct{ token, offset int64 }

// read folds the log from its first record on, and judges it by a rule of its own.
func (s *story) read() (*reading, error) {
	f, all := s.newFold(), s.log.Whole()
	r := &reading{core: f.core, verdicts: map[sharedlog.CallID]sharedlog.Verdict{}}
	f.core.ended = func(token, offset int64) { r.ends = append(r.ends, ended{token, offset}) }
	f.Decided = func(c *sharedlog.Call, v sharedlog.Verdict) {
		d := decided{*c, v}
		d.call.ID = callID(c.ID)
		r.decided = append(r.decided, d)
		if made, taken := f.core.made, f.core.taken; made-taken != uint64(len(f.core.entries)) || made-taken > toyBound {
			s.blame(fmt.Errorf("offset %d: %d entries were made and %d taken; there are %d, of at most %d", c.Offset, made, taken, len(f.core.entries), toyBound))
		}
	}
	fill := func(to int64) {
		for hash := xxhash.Sum64(f.Snapshot(nil)); int64(len(r.states)) <= to; {
			r.states = append(r.states, hash)
		}
	}
	err := eventlog.NewSharedReader(all, topic, 0).Barrier(context.Background(), func(l events.Logged, _ *events.Record) {
		fill(l.Offset)
		f.Apply(l)
	})
	fill(all.End())
	r.due = f.Due()
	r.rule(all.Records())
	return r, err
}

// rule judges the log anew: each call is decided by its first record, for ever.
func (r *reading) rule(records []events.Record) {
	core, now := &toy{}, int64(0)
	for i := range records {
		c, ok := parse(&records[i])
		_, known := r.verdicts[c.ID]
		if !ok || known || c.Seen > c.Offset {
			continue
		}
		c.Now = now
		v := sharedlog.Verdict{Offset: c.Offset}
		m, moves := c.Message.(*events.LogTimePassed)
		switch {
		case c.Seen < 0 || c.Seen+horizon < c.Offset:
			v.Code = events.CodeTooLate
		case !moves:
			v.Code = core.Decide(&c)
		case m.FromMs != now:
			v.Code = events.CodeTimeMoved
		case m.ToMs <= now || m.ToMs > now+int64(time.Hour/time.Millisecond):
			v.Code = events.CodeBadData
		default:
			now = m.ToMs
			core.Pass(now, c.Offset)
		}
		r.verdicts[c.ID] = v
		r.ruled = append(r.ruled, decided{c, v})
	}
}

// parse reads a record that is a call.
func parse(rec *events.Record) (c sharedlog.Call, ok bool) {
	ids, seens := 0, 0
	for _, h := range rec.Headers {
		switch {
		case h.Key == events.HeaderCall && len(h.Value) == len(c.ID):
			c.ID, ids = sharedlog.CallID(h.Value), ids+1
		case h.Key == events.HeaderSeen && len(h.Value) == 8:
			c.Seen, seens = int64(binary.BigEndian.Uint64(h.Value)), seens+1
		case h.Key == events.HeaderCall || h.Key == events.HeaderSeen:
			return c, false
		}
	}
	c.Offset, c.Type = rec.Offset, events.TypeOfRecord(rec)
	if m, err := events.Message(rec); err == nil {
		c.Message = m
	}
	return c, ids == 1 && seens == 1
}
