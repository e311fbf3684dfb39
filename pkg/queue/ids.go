package queue

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// IDs makes IDs of entries: UUIDs does, and so does an ids.Generator, whose IDs are numbers of
// a space that no other process is given. They must be of the queue's kind. It is for
// concurrent use.
type IDs interface {
	// NewID returns an ID that was never returned before, here or in any other process.
	// One that fetches ranges of IDs ahead answers at once, and waits, no longer than ctx,
	// only when it has run out.
	NewID(ctx context.Context) (string, error)
}

// UUIDs makes UUIDs of version 7: they need no other process, and grow with time.
type UUIDs struct{}

// NewID returns a new UUID. It fails only if the system has no random numbers.
func (UUIDs) NewID(context.Context) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make a UUID: %w", err)
	}
	return id.String(), nil
}
