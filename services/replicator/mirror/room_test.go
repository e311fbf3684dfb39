package mirror

import (
	"math"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// The headers that copies add have a bounded size, however many clusters a record has been in:
// a copy replaces those of the copy before.
func TestTheHeadersThatCopiesAddAreBounded(t *testing.T) {
	id := strings.Repeat("x", 100) // Kafka makes them of 22; embedded brokers have the name of a site and a UUID.
	at := events.ClusterPartition{Cluster: id, Topic: strings.Repeat("t", 249), Partition: math.MaxInt32}
	p := events.Provenance{Origin: events.Origin{ClusterPartition: at, Offset: math.MaxInt64}, Generation: math.MaxUint32}
	written := events.Record{Value: []byte("v"), Headers: []events.Header{{Key: "of the application", Value: []byte("v")}}}
	r := written
	for range MaxHops {
		r = p.Mark(&r, at)
		p.Earlier = append(p.Earlier, events.Hop{Cluster: id, Offset: math.MaxInt64})
	}
	if added := r.Size() - written.Size(); added >= provenanceBytes || len(r.Headers) != len(written.Headers)+2 {
		t.Errorf("%d bytes in %d headers", added, len(r.Headers))
	}
}
