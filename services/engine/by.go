package engine

import (
	"context"
	"strings"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/services/engine/command"
)

// handler runs the command for each task, as kind exec runs those that it allows.
func (b By) handler(path string) (engine.Handler, error) {
	words := strings.Fields(b.Command)
	alone := Config{Allow: words[:1]}
	only, err := alone.resolve()
	if err != nil {
		return nil, err
	}
	x := &executor{allowed: only, path: path}
	return func(ctx context.Context, t *engine.Task) ([]byte, error) {
		env, stdin, err := b.Give(t)
		if err != nil {
			return nil, engine.Final(err)
		}
		of := *t
		if of.Payload, err = (command.Spec{Command: words, Env: env, Stdin: stdin}).Payload(); err != nil {
			return nil, engine.Final(err)
		}
		result, err := x.run(ctx, &of)
		t.ResultType = of.ResultType
		return result, err
	}, nil
}
