package sitetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Patience bounds what a test waits for.
const Patience = time.Minute

// Append writes a record for each value to a partition.
func Append(t *testing.T, c *cluster.Cluster, topic string, partition int32, values []string, headers ...events.Header) {
	t.Helper()
	records := make([]events.Record, len(values))
	for i, v := range values {
		records[i] = events.Record{Timestamp: time.Now().UnixMilli(), Key: []byte("k"), Value: []byte(v), Headers: headers}
	}
	if _, err := c.Partition(topic, partition).Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// Values reads a partition from the beginning up to its end, once it has n records at least,
// or patience is over. The topic may be to come.
func Values(t *testing.T, c *cluster.Cluster, topic string, partition int32, n int) (got []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	log := c.Partition(topic, partition)
	for next := int64(0); ; {
		page, err := log.Fetch(ctx, next, 100*time.Millisecond)
		switch {
		case ctx.Err() != nil:
			t.Errorf("%s/%d has %d of %d records: %v", topic, partition, len(got), n, err)
			return got
		case err != nil:
			<-time.After(20 * time.Millisecond) // The topic is to come.
			continue
		}
		for i := range page.Records {
			got = append(got, string(page.Records[i].Value))
		}
		if next = page.Next; next >= page.End && len(got) >= n {
			return got
		}
	}
}

// Run runs the service of a site until stop, or the end of the test, and returns when it is
// ready.
func Run(t *testing.T, site string, s startstoptest.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the replicator of %s ended with %v", site, err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-s.Ready():
	case err := <-ended:
		t.Fatalf("the replicator of %s ended: %v", site, err)
	case <-time.After(Patience):
		t.Fatalf("the replicator of %s is not ready", site)
	}
	return stop
}
