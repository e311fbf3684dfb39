package cluster_test

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// A partition of a cluster is a log like any other, without a package of ours that
// others may not import.
func TestPartitionIsALog(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "notes", Partitions: 2}}); err != nil {
		t.Fatal(err)
	}
	log := c.Partition("notes", 1)
	base, err := log.Append(t.Context(), []events.Record{{Value: []byte("a")}, {Value: []byte("b")}})
	if err != nil || base != 0 {
		t.Fatalf("appended at %d, %v", base, err)
	}
	page, err := log.Fetch(t.Context(), 1, time.Second)
	if err != nil || len(page.Records) != 1 || string(page.Records[0].Value) != "b" {
		t.Fatalf("read %+v, %v", page, err)
	}
	if start, end, err := c.Offsets(t.Context(), "notes", 1); start != 0 || end != 2 || err != nil {
		t.Errorf("it holds [%d, %d), %v; want [0, 2)", start, end, err)
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		config cluster.Config
		want   []string
	}{
		"no brokers":       {cluster.Config{}, []string{"Brokers", "empty", "127.0.0.1:29092"}},
		"no port":          {cluster.Config{Brokers: []string{"kafka"}}, []string{`"kafka"`, "host:port"}},
		"negative timeout": {cluster.Config{Brokers: []string{"k:1"}, DialTimeout: -1}, []string{"DialTimeout", "negative"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cluster.Open(c.config)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %q, want it to contain %q", err, want)
				}
			}
		})
	}
}
