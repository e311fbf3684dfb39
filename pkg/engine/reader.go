package engine

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
)

// end finds where the engine's partition ends, for as long as it takes, unless the
// cluster refuses. It is not known if the engine is told to stop before.
func (l *loop) end(ctx context.Context) (offset int64, known bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.engine.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	for said := ""; ; {
		end, err := l.transport.End(ctx)
		if err == nil {
			return end, true, nil
		}
		if ctx.Err() != nil {
			return 0, false, nil
		}
		if cluster.IsDenied(err) {
			return 0, false, err
		}
		if text := err.Error(); text != said { // another reason is news
			said = text
			l.log.Warn("waiting for the broker and its topics", "brokers", l.engine.config.Brokers, "error", err)
		}
		if !pause(ctx) {
			return 0, false, nil
		}
	}
}

// read passes on what is appended to the engine's partition.
func (l *loop) read(ctx context.Context, from int64) {
	said := "" // of what fails
	for ctx.Err() == nil {
		page, err := l.transport.Fetch(ctx, from, fetchWait)
		switch {
		case err != nil && ctx.Err() != nil:
			return
		case err != nil:
			if text := err.Error(); text != said {
				said = text
				l.log.Warn("cannot read assignments, trying on", "offset", from, "error", err)
			}
			pause(ctx)
			continue
		case said != "":
			said = ""
			l.log.Info("reading assignments again", "offset", from)
		}
		if page.Next == from {
			continue
		}
		from = page.Next
		select {
		case l.pages <- page:
		case <-ctx.Done():
			return
		}
	}
}

// pause waits a moment; false if ctx ended meanwhile.
func pause(ctx context.Context) bool {
	t := time.NewTimer(retryPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
