package sharedlog

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// ahead is a log of which the next page is fetched while its reader is busy with the one
// before, where more is known to be there. What it gives may be as old as that: it shows
// the log as it was, as any page does by the time that it is looked at. It is for one
// goroutine.
type ahead struct {
	eventlog.Log
	next    int64         // what is fetched ahead, while pending is not nil
	pending chan struct{} // closed when it is there
	page    events.Page   // without records if that failed: it is fetched again then
}

func (a *ahead) Fetch(ctx context.Context, from int64, wait time.Duration) (page events.Page, err error) {
	a.settle()
	if page = a.page; a.next != from || len(page.Records) == 0 {
		page, err = a.Log.Fetch(ctx, from, wait)
	}
	a.page, a.next = events.Page{}, -1
	if err != nil {
		return page, err
	}
	if len(page.Records) > 0 && page.Next < page.End {
		a.begin(ctx, page.Next)
	}
	return page, nil
}

func (a *ahead) begin(ctx context.Context, from int64) {
	a.next, a.pending = from, make(chan struct{})
	go func() {
		defer close(a.pending)
		if page, err := a.Log.Fetch(ctx, from, 0); err == nil {
			a.page = page
		}
	}()
}

// settle waits until nothing is being fetched.
func (a *ahead) settle() {
	if a.pending != nil {
		<-a.pending
		a.pending = nil
	}
}
