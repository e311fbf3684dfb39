package query

import (
	"context"
	"fmt"
	"sort"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// HandOver is what of a pool another scheduler is to import.
type HandOver struct {
	Pool events.Pool
	// ID of the import; Place is where the log stands, without an offset.
	ID, Place, Reason string
	// Send gets each part, in their order.
	Send func(*events.PoolImportRequested) error
}

// partBytes is about how much is handed over at once.
const partBytes = 256 << 10

// HandOver folds the log of a pool to its end, and hands over what another scheduler is to
// import. It returns the promotion that is to follow.
func (q *Querier) HandOver(ctx context.Context, h HandOver) (*events.PoolPromoteRequested, error) {
	partition := events.PoolPartition(h.Pool)
	state, done, err := q.foldState(ctx, q.core(partition), At{})
	if err != nil {
		return nil, wrap(err, "fold %s/%d", q.topics.Events(), partition)
	}
	pages := &paging{log: q.log(q.topics.Events(), partition)}
	return state.HandOver(placement.Handover{
		Pool: h.Pool, ID: h.ID, Of: fmt.Sprintf("%s@%d", h.Place, done.asOf.Offset), Reason: h.Reason, Bytes: partBytes, Send: h.Send,
		Event: func(offset int64) (proto.Message, error) { return pages.event(ctx, offset) },
	})
}

// paging reads events by their offsets, which mostly go up.
type paging struct {
	log  eventlog.Log
	page events.Page
}

// pageWait is how long a fetch waits for what is known to be there.
const pageWait = time.Second

func (p *paging) event(ctx context.Context, offset int64) (proto.Message, error) {
	rec := p.find(offset)
	if rec == nil {
		var err error
		if p.page, err = p.log.Fetch(ctx, offset, pageWait); err != nil {
			return nil, err
		}
		if rec = p.find(offset); rec == nil {
			return nil, fmt.Errorf("the log does not hold the record at %d", offset)
		}
	}
	_, m, err := events.DecodeTrusted(rec)
	return m, err
}

func (p *paging) find(offset int64) *events.Record {
	all := p.page.Records
	i := sort.Search(len(all), func(i int) bool { return all[i].Offset >= offset })
	if i < len(all) && all[i].Offset == offset {
		return &all[i]
	}
	return nil
}
