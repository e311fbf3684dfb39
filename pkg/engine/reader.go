package engine

import (
	"context"
	"log/slog"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
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
	try := l.board.New("find the end of the engine's partition of tasks.assignments")
	defer try.End()
	for {
		end, err := l.transport.End(ctx)
		if err == nil {
			try.Passed()
			return end, true, nil
		}
		if ctx.Err() != nil {
			return 0, false, nil
		}
		if eventlog.IsDenied(err) {
			return 0, false, err
		}
		if !try.Again(ctx, err, retryPause) {
			return 0, false, nil
		}
	}
}

// read passes on what is appended to the engine's partition.
func (l *loop) read(ctx context.Context, from int64) {
	try := l.board.New("read assignments")
	defer try.End()
	for ctx.Err() == nil {
		page, err := l.transport.Fetch(ctx, from, fetchWait)
		switch {
		case err != nil && ctx.Err() != nil:
			return
		case err != nil:
			try.Again(ctx, err, retryPause)
			continue
		}
		try.Passed()
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

// boardOf is where an engine tells of what it tries again: with its connection.
func boardOf(t transport, log *slog.Logger) *trouble.Board {
	if b, ok := t.(interface{ board() *trouble.Board }); ok {
		return b.board()
	}
	return trouble.NewBoard(log)
}
