// Embed is an engine in a program of one's own. With `spanway dev` running:
//
//	go run ./examples/embed &
//	spanway task submit --kind shout --where 'engine.labels.loud == true' --wait -o json --file - <<< '{"payloadJson":"hello"}'
package main

import (
	"bytes"
	"context"
	"log"
	"os/signal"
	"syscall"

	"github.com/spanway/spanway/pkg/engine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	e, err := engine.New(engine.Config{
		Brokers: []string{"127.0.0.1:29092"},
		ID:      "embedded-1",
		Labels:  map[string]any{"loud": true},
	})
	if err != nil {
		log.Fatal(err)
	}
	e.Handle("shout", func(_ context.Context, t *engine.Task) ([]byte, error) {
		return bytes.ToUpper(t.Payload), nil
	})
	if err := e.Run(ctx); err != nil { // until Ctrl-C; then it drains
		log.Fatal(err)
	}
}
