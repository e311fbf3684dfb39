package cli

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/spf13/cobra"
)

// What a service logs, what its command says and what a timer tells go to one stream,
// which need not be safe for concurrent use; when the call has ended, nothing does.
func TestTheGoroutinesOfACallWriteInTurn(t *testing.T) {
	const lines = 100
	var out, err bytes.Buffer
	late := make(chan struct{})
	var writing sync.WaitGroup
	command := func(a *App) *cobra.Command {
		return &cobra.Command{Use: "speak", RunE: func(*cobra.Command, []string) error {
			log := slog.New(slog.NewTextHandler(a.Err, nil))
			var all sync.WaitGroup
			all.Go(func() {
				for range lines {
					log.Info("it goes on")
				}
			})
			all.Go(func() {
				for range lines {
					fmt.Fprintln(a.Err, "still waiting")
				}
			})
			all.Go(func() {
				for range lines {
					_, _ = a.Screen().Write([]byte("bar\n"))
					_ = a.Printf("out\n")
				}
			})
			all.Wait()
			writing.Go(func() {
				<-late
				log.Info("too late")
				_ = a.Printf("too late\n")
			})
			return nil
		}}
	}
	if code := Execute(context.Background(), []string{"speak"}, Streams{In: &bytes.Buffer{}, Out: &out, Err: &err}, command); code != ExitDone {
		t.Fatalf("it ends with %d: %s", code, err.String())
	}
	close(late)
	writing.Wait()
	for what, got := range map[string]int{
		"log lines": bytes.Count(err.Bytes(), []byte("msg=\"it goes on\"\n")), "hints": bytes.Count(err.Bytes(), []byte("still waiting\n")),
		"redrawn": bytes.Count(err.Bytes(), []byte("bar\n")), "printed": bytes.Count(out.Bytes(), []byte("out\n")),
	} {
		if got != lines {
			t.Errorf("%d %s, want %d", got, what, lines)
		}
	}
	if bytes.Contains(err.Bytes(), []byte("too late")) || bytes.Contains(out.Bytes(), []byte("too late")) {
		t.Error("the call has ended, and its streams are still written to")
	}
}
