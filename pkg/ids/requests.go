package ids

import (
	"encoding/hex"
	"math/rand/v2"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/spanway/spanway/pkg/events"
)

// requestIDs makes fresh request IDs. A request stands in the partition of its ID; so that
// requests that are made at the same time make one batch instead of one in each partition,
// the IDs are of one partition for a while, then of the next one. The first one is random:
// there are programs that make one request.
type requestIDs struct{ made atomic.Int64 }

func (r *requestIDs) begin() {
	r.made.Store(rand.Int64N(int64(events.IDRequestPartitions)) * perPartition)
}

// perPartition is how many IDs are of one partition in a row: every allocator gets requests
// of a client that makes a few hundred.
const perPartition = 256

// lastGroup is where the last six bytes stand in the text of a UUID.
const lastGroup = 24

func (r *requestIDs) next() string {
	of := int32((r.made.Add(1) - 1) / perPartition % int64(events.IDRequestPartitions))
	id := uuid.Must(uuid.NewV7())
	text := []byte(id.String())
	for events.PartitionOfBytes(text, events.IDRequestPartitions) != of { // On average as often as there are partitions.
		if id[15]++; id[15] == 0 { // Its last bytes are random.
			id[14]++
		}
		hex.Encode(text[lastGroup:], id[10:])
	}
	return string(text)
}
