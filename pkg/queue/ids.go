package queue

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/spanway/spanway/pkg/events"
)

// IDs makes IDs of entries. It is for concurrent use.
type IDs interface {
	// Kind is what the IDs are: it must be that of the queue. QUEUE_IDS_ANY takes all.
	Kind() events.QueueIDs
	// Next returns an ID that was never returned before, here or in any other process.
	// One that fetches ranges of IDs ahead answers at once, and waits, no longer than ctx,
	// only when it has run out.
	Next(ctx context.Context) (string, error)
}

// UUIDs makes UUIDs of version 7: they need no other process, and grow with time.
type UUIDs struct{}

// Kind is that of UUIDs of version 7.
func (UUIDs) Kind() events.QueueIDs { return events.QueueIDs_QUEUE_IDS_UUIDV7 }

// Next returns a new UUID. It fails only if the system has no random numbers.
func (UUIDs) Next(context.Context) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make a UUID: %w", err)
	}
	return id.String(), nil
}
