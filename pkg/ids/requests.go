package ids

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/spanway/spanway/pkg/events"
)

// requestIDs makes fresh request IDs. A request stands in the partition of its ID; so that
// requests that are made at the same time make one batch instead of one in each partition,
// the IDs are of one partition for a while, then of the next one. The first one is random:
// there are programs that make one request.
type requestIDs struct {
	made atomic.Int64

	mu     sync.Mutex
	random [512]byte // from crypto/rand, which costs the same for one ID as for many
	used   int       // of random, from its end
}

func (r *requestIDs) begin() {
	r.made.Store(mathrand.Int64N(int64(events.IDRequestPartitions)) * perPartition)
}

// perPartition is how many IDs are of one partition in a row: every allocator gets requests
// of a client that makes a few hundred.
const perPartition = 256

// uuid makes one of version 7: the time, then random bytes.
func (r *requestIDs) uuid(now time.Time) (id uuid.UUID) {
	r.mu.Lock()
	if r.used == 0 {
		_, _ = rand.Read(r.random[:]) // It never fails.
		r.used = len(r.random)
	}
	r.used -= len(id)
	copy(id[:], r.random[r.used:])
	r.mu.Unlock()
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// lastGroup is where the last six bytes stand in the text of a UUID.
const lastGroup = 24

func (r *requestIDs) next() string {
	of := int32((r.made.Add(1) - 1) / perPartition % int64(events.IDRequestPartitions))
	id := r.uuid(time.Now())
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[lastGroup:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	for events.PartitionOfBytes(text[:], events.IDRequestPartitions) != of { // On average as often as there are partitions.
		if id[15]++; id[15] == 0 { // Its last bytes are random.
			id[14]++
		}
		hex.Encode(text[lastGroup:], id[10:])
	}
	return string(text[:])
}
