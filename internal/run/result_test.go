package run

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// A result of 256 KiB is carried in the event, whole; one byte more is a final
// error, which no other try would mend.
func TestResultsAtTheirBound(t *testing.T) {
	s, err := Start(t.Context(), Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	e, err := engine.New(engine.Config{Brokers: s.Brokers(), ID: "big-1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	most := bytes.Repeat([]byte{0xa5}, 256<<10)
	e.Handle("most", func(context.Context, *engine.Task) ([]byte, error) { return most, nil })
	e.Handle("more", func(context.Context, *engine.Task) ([]byte, error) { return append(most[:len(most):len(most)], 1), nil })
	ended := make(chan error, 1)
	go func() { ended <- e.Run(t.Context()) }()
	defer func() { e.Close(); <-ended }()
	c, err := client.New(client.Config{Brokers: s.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	r, err := c.Do(t.Context(), client.Task{Kind: "most"})
	if err != nil || !bytes.Equal(r.Data, most) {
		t.Errorf("%d bytes arrived, %v; want all %d", len(r.Data), err, len(most))
	}
	r, err = c.Do(t.Context(), client.Task{Kind: "more"})
	var failed *client.TaskFailed
	if !errors.As(err, &failed) || r.State != client.Failed || r.Error.GetCode() != string(events.CodeTooLarge) || r.Attempt != 1 {
		t.Errorf("one byte more: %s at attempt %d, %v; want it failed at the first with %s", r.State, r.Attempt, err, events.CodeTooLarge)
	}
}
