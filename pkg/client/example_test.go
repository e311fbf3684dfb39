package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/client"
)

func ExampleClient_Do() {
	ctx := context.Background()
	c, err := client.New(client.Config{Brokers: []string{"127.0.0.1:29092"}, Source: "/shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(ctx)

	result, err := c.Do(ctx, client.Task{
		ID:        "resize-42", // The same ID again is the same task: safe to repeat.
		Kind:      "resize",
		Payload:   []byte(`{"w":640}`),
		Predicate: `engine.labels.gpu >= 1`,
		Needs:     map[string]int64{"slots": 1, "memory_bytes": 64 << 20},
	})
	var refused *client.Refused
	var failed *client.TaskFailed
	switch {
	case errors.As(err, &refused):
		fmt.Println("never accepted:", refused.Code)
	case errors.As(err, &failed):
		fmt.Println("ended without success:", failed.Result.State)
	case err != nil:
		fmt.Println("the outcome is not known, the task goes on:", err)
	default:
		fmt.Printf("done on %s: %s\n", result.Engine, result.Data)
	}
}
