package eventlog

import "github.com/spanway/spanway/pkg/events"

// assembler puts records together into batches by their headers alone, so that
// neither compression nor re-batching on the way changes anything.
type assembler struct {
	header  Header
	pending []events.Record
}

// add takes one record. It hands complete batches to batch and what belongs to
// none to skip; both must not keep the slice.
func (a *assembler) add(r *events.Record, batch func(Header, []events.Record), skip func(Skip, []events.Record)) {
	h, first, err := begin(r)
	switch {
	case first:
		a.drop(skip)
		if err != nil {
			skip(SkipBadHeader, []events.Record{*r})
			return
		}
		a.header = h
	case len(a.pending) == 0:
		skip(SkipNoBatch, []events.Record{*r})
		return
	}
	a.pending = append(a.pending, *r)
	if uint32(len(a.pending)) == a.header.Records {
		batch(a.header, a.pending)
		a.pending = a.pending[:0]
	}
}

// drop gives an incomplete batch up, because another begins.
func (a *assembler) drop(skip func(Skip, []events.Record)) {
	if len(a.pending) > 0 {
		skip(SkipCutShort, a.pending)
		a.pending = a.pending[:0]
	}
}
