package mirror

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// sweep compares the keys of the target with those of the source: what the source deleted
// while the copy was away for longer than tombstones live has no record there any more, and
// would stay in the target for ever. Nothing is copied meanwhile.
//
// Keys are compared in shares, each a range of their hashes: first the target is read, then
// the source up to what is its end by then, so that a key whose record is replaced under the
// reader is seen. A share whose keys take too much memory is halved, and begun anew.
type sweep struct {
	at     int64 // when the copy had come to the end of the source
	bits   uint  // a share is 2^-bits of all hashes
	index  uint64
	source bool             // the source is being read, else the target
	from   int64            // the offset that is read next
	keys   map[string]int64 // live in the target alone, as far as was read, and their offsets there
	bytes  int              // of keys
	delete []events.Record  // tombstones of this share, yet to be appended
	doing  int              // how many of them the batch in flight has
}

const (
	// sweptBytes is how much memory the keys of a share may take; sweptKey is what each
	// takes besides its bytes.
	sweptBytes, sweptKey = 4 << 20, 64
	// sweepAgain is how long after a sweep the next one may begin, in milliseconds: a sweep
	// that takes longer than tombstones live makes another one due.
	sweepAgain = 60 * 60 * 1000
)

// catchUp looks whether the copy has come to the end of the source, as the page before told
// it, and begins a sweep if it was away from there for too long. Half of the life of
// tombstones is left for clocks that differ.
func (c *Copy) catchUp() (sweeping bool) {
	life := c.cfg.Compacted.Tombstones.Milliseconds()
	if life <= 0 || c.read.at == 0 || c.mark.Next < c.read.end {
		return false
	}
	away := c.read.at - c.mark.CaughtUp
	switch {
	case away > life/2 && c.read.at-c.swept > sweepAgain:
		c.sweep = &sweep{at: c.read.at, from: c.target.start, keys: map[string]int64{}}
		c.state = Sweeping
		c.sweepOn()
		return true
	case away > life/16 && away <= life/2:
		c.mark.CaughtUp = c.read.at
	}
	return false
}

// sweepStep is the next step of a sweep.
func (c *Copy) sweepStep() Step {
	s := c.sweep
	switch {
	case len(s.delete) > 0:
		return Append{s.delete[:s.doing]}
	case s.source:
		return ReadSource{From: s.from}
	}
	return ReadTail{s.from, c.target.end}
}

// sweepTarget takes records of the target.
func (c *Copy) sweepTarget(read *Tail) {
	s := c.sweep
	for i := range read.Records {
		r := &read.Records[i]
		if r.Key == nil || r.Offset < s.from || r.Offset >= c.target.end || !s.has(r.Key) {
			continue
		}
		_, known := s.keys[string(r.Key)]
		p, ok := events.ProvenanceOf(r, c.cfg.Target)
		switch own := ok && p.ClusterPartition == c.cfg.Source; {
		case own && r.Value != nil:
			if s.keys[string(r.Key)] = r.Offset; !known {
				s.bytes += len(r.Key) + sweptKey
			}
		case known:
			delete(s.keys, string(r.Key))
			s.bytes -= len(r.Key) + sweptKey
		}
	}
	s.from = max(s.from, read.Next)
	if s.bytes > c.room && s.bits < 32 {
		s.bits, s.index = s.bits+1, s.index*2
		c.share()
	}
	c.sweepOn()
}

// has says whether a key is of the share.
func (s *sweep) has(key []byte) bool {
	return s.bits == 0 || xxhash.Sum64(key)>>(64-s.bits) == s.index
}

// share begins to read for a share.
func (c *Copy) share() {
	s := c.sweep
	clear(s.keys)
	s.bytes, s.source, s.from = 0, false, c.target.start
}

// sweepSource takes a page of the source. If that is another one, or has lost its end, the
// sweep is off: what was copied is doubted first.
func (c *Copy) sweepSource(page *Source) {
	s := c.sweep
	if differ(c.mark.SourceID, page.ID) || page.End < c.mark.Next {
		c.drop()
		c.doubt()
		return
	}
	for i := range page.Records {
		if key := page.Records[i].Key; key != nil {
			delete(s.keys, string(key))
		}
	}
	s.from = max(s.from, page.Next, page.Start)
	if s.from >= page.End {
		c.tombstones()
	}
	c.sweepOn()
}

// tombstones makes those of the share's keys that the source does not have.
func (c *Copy) tombstones() {
	s := c.sweep
	mark := events.Provenance{Origin: events.Origin{ClusterPartition: c.cfg.Source, Offset: max(c.mark.Next-1, 0)}, Generation: c.mark.Generation}
	gone := slices.SortedFunc(maps.Keys(s.keys), func(a, b string) int { return cmp.Compare(s.keys[a], s.keys[b]) })
	for _, key := range gone {
		r := mark.Sweep([]byte(key), s.at)
		s.delete = append(s.delete, c.marker.Mark(&mark, &r, c.cfg.Target))
	}
	clear(s.keys)
	s.bytes, s.from = 0, shareDone
}

// sweepOn goes on with what comes next: tombstones, the source, or another share.
func (c *Copy) sweepOn() {
	for s := c.sweep; ; {
		switch {
		case len(s.delete) > 0:
			s.doing = c.fit(s.delete)
			return
		case s.from == shareDone:
			if s.index++; s.index>>s.bits > 0 { // That was the last one.
				c.mark.CaughtUp, c.swept, c.sweep = s.at, s.at, nil
				c.settle()
				return
			}
			c.share()
		case !s.source && s.from >= c.target.end && len(s.keys) == 0:
			s.from = shareDone
		case !s.source && s.from >= c.target.end:
			s.source, s.from = true, 0
		default:
			return
		}
	}
}

// shareDone stands for the offset to read next of a share that is done.
const shareDone = -1

// fit is how many of some records fit into one batch.
func (c *Copy) fit(records []events.Record) (n int) {
	most := maxBatch
	if c.cfg.MaxBatch > 0 {
		most = min(most, c.cfg.MaxBatch)
	}
	for size := 0; n < len(records); n++ {
		if size += records[n].Size(); size > most && n > 0 {
			break
		}
	}
	return n
}

// sweepAppended says that tombstones stand in the target from an offset on.
func (c *Copy) sweepAppended(base int64) {
	s := c.sweep
	if base < c.target.end {
		c.stop(Incident{Reason: TargetLost, Offset: c.mark.Next})
		return
	}
	c.mark.Last = &Last{Target: base + int64(s.doing) - 1, Origin: max(c.mark.Next-1, 0), Generation: c.mark.Generation, Tombstone: true}
	c.counts.Swept += int64(s.doing)
	s.delete = s.delete[s.doing:]
	if c.target.looked = c.target.end; c.cfg.Shared {
		c.target.looked = base
	}
	c.target.end = base // What stands between is read before the next append.
	c.filled()
}
