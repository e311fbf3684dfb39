package kafka

import (
	"context"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

// opened is a batch that opens to more than a page holds. The next pages resume
// inside of it: it is kept between two fetches, so that it is fetched and opened once
// and not once for each page. What it holds is what was fetched; that the log may
// have lost it since shows with the fetch behind it, by another Term.
type opened struct {
	batch  batch.Batch
	pieces *batch.Pieces
	// page is what the answer said of the log; its Next is where to go on.
	page   events.Page
	proven bool // see FetchProven
}

// read makes the next page of the batch.
func (o *opened) read(ctx context.Context) (events.Page, error) {
	page := o.page
	records, next, err := o.pieces.Read(ctx, nil, page.Next, maxPage)
	if ctx.Err() != nil {
		return events.Page{}, ctx.Err()
	}
	if err != nil {
		records, next = restUndecodable(records, 0, &o.batch, err), o.batch.Next()
	}
	page.Records, page.Next = records, max(page.Next, next)
	page.End = max(page.End, page.Next)
	o.page.Next = page.Next
	return page, nil
}

// resume takes the batch that the fetch before opened, if that goes on from there.
func (p *Partition) resume(from int64) *opened {
	p.reading.Lock()
	defer p.reading.Unlock()
	o := p.opened
	p.opened = nil
	if o == nil || o.page.Next != from {
		return nil
	}
	return o
}

// readOpened makes the next page of an opened batch, and keeps what is left of it.
func (p *Partition) readOpened(ctx context.Context, o *opened) (events.Page, bool, error) {
	page, err := o.read(ctx)
	if err == nil && page.Next < o.batch.Next() {
		p.reading.Lock()
		defer p.reading.Unlock()
		p.opened = o
	}
	return page, o.proven, err
}
