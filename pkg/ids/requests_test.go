package ids

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/spanway/spanway/pkg/events"
)

// Requests that are made one after the other stand together, and those of a while in every
// partition; no ID is made twice.
func TestRequestIDsOfAWhileAreOfOnePartition(t *testing.T) {
	var r requestIDs
	r.begin()
	seen, inPartition := map[string]bool{}, map[int32]int{}
	moves, last := 0, int32(-1)
	for range perPartition * int(events.IDRequestPartitions) {
		id := r.next()
		if u, err := uuid.Parse(id); err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 || id != u.String() || seen[id] || time.Since(time.Unix(u.Time().UnixTime())).Abs() > time.Minute {
			t.Fatalf("%s: made before: %v; %v", id, seen[id], err)
		}
		seen[id] = true
		n := events.RequestPartition(id)
		if inPartition[n]++; n != last {
			moves, last = moves+1, n
		}
	}
	if moves != int(events.IDRequestPartitions) {
		t.Errorf("the partition was another one %d times", moves)
	}
	for n := range events.IDRequestPartitions {
		if inPartition[n] != perPartition {
			t.Errorf("partition %d has %d", n, inPartition[n])
		}
	}
}

// Programs that make one request each do not all ask in the same partition.
func TestFirstRequestIDsAreOfAnyPartition(t *testing.T) {
	seen := map[int32]bool{}
	for range 10_000 { // All in seven of them: once in 10^579 times.
		var r requestIDs
		r.begin()
		seen[events.RequestPartition(r.next())] = true
	}
	if len(seen) != int(events.IDRequestPartitions) {
		t.Errorf("they are of the partitions %v", seen)
	}
}
