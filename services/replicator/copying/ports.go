package copying

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// Source is the partition that is read. It is used by one goroutine at a time.
type Source interface {
	// Read reads committed records from an offset on; if there are none it waits for at
	// most wait. An offset that the
	// partition does not have gives a page without records, whose Start or End says so; that
	// its End lies before from is certain. The topic that was read has the page's ID.
	Read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error)
}

// Reading is how a Source is read.
type Reading struct {
	// Anew: nothing that was read before is used.
	Anew bool
	// Places is about how many times the bytes of an ordinary page, 1 MiB, one may have that
	// is not read anew; at least 1.
	Places int
}

// Target is the partition that is written.
type Target interface {
	// Claim takes the partition from every earlier writer. It may be called again after any
	// error of any method, also after *kafka.WriterFenced.
	Claim(ctx context.Context) (Claimed, error)
	// Tail reads records of [from, to), also those that no transaction has committed. The
	// Tail's Next is from if nothing could be read at the moment.
	Tail(ctx context.Context, from, to int64) (mirror.Tail, error)
	// Append appends records as one batch and returns the offset of the first. After
	// *kafka.Refused they do not stand in the log; after any other error the partition must
	// be claimed anew.
	Append(ctx context.Context, records []events.Record) (base int64, err error)
	// Renew keeps the claim, which lapses without it. After an error of it the partition
	// must be claimed anew.
	Renew(ctx context.Context) error
}

// Claimed is what a Target holds when it was claimed.
type Claimed struct {
	// Start and End are those of the partition: what earlier writers wrote stands before End.
	Start, End int64
	// ID is that of the topic; empty if the cluster does not tell.
	ID string
	// RenewEvery is how often to Renew; never if it is 0.
	RenewEvery time.Duration
}

// Checkpoints keep the checkpoints of copies. They are safe for concurrent use.
type Checkpoints interface {
	// Saved is the checkpoint that counts of all that were saved for a copy before the
	// call; nil if there is none.
	Saved(ctx context.Context, id string) (*mirror.Checkpoint, error)
	// SavedFor is Saved of those that fit.
	SavedFor(ctx context.Context, id string, fits func(*mirror.Checkpoint) bool) (*mirror.Checkpoint, error)
	// Save saves one. It is durable when Save returns.
	Save(ctx context.Context, id string, c mirror.Checkpoint) error
}

// Letters take the records that cannot be copied. They are safe for concurrent use.
type Letters interface {
	// Bury keeps a record of the source, and why it was not copied. It may be called again
	// for the same one, which then stands twice.
	Bury(ctx context.Context, from events.Origin, record events.Record, reason mirror.Reason) error
}
