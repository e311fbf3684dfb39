package verify

import (
	"strings"
	"sync"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// A log that is the copy of another is not said to hold what nobody has judged.
func TestVerifyDoesNotJudgeCopies(t *testing.T) {
	dir := t.TempDir()
	broker, err := embedded.Start(embedded.Config{ClusterID: "fra", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, broker.Addrs()...)
	closed := sync.OnceFunc(broker.Close)
	defer closed()
	k := kafka.New(kafka.Config{Brokers: broker.Addrs()})
	defer k.Close()
	if _, err := k.Ensure(t.Context(), []events.TopicSpec{{Name: "ams.queue.orders", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	verify := func(args ...string) (stdout, stderr string, code int) {
		return program.Call(t.Context(), "", append([]string{"verify", "--prefix", "ams."}, args...)...)
	}
	if stdout, stderr, code := verify("--brokers", broker.Addr()); code != cli.ExitDone {
		t.Fatalf("verify of an empty log ends with %d and prints\n%s%s", code, stdout, stderr)
	}
	origin := events.Provenance{Generation: 1, Origin: events.Origin{ClusterPartition: events.ClusterPartition{Cluster: "ams", Topic: "spanway.queue.orders"}, Offset: 7}}
	r := origin.Mark(&events.Record{Timestamp: 1, Value: []byte("a call")}, events.ClusterPartition{Cluster: "fra", Topic: "ams.queue.orders"})
	if _, err := k.Partition("ams.queue.orders", 0).Append(t.Context(), []events.Record{r}); err != nil {
		t.Fatal(err)
	}
	refused := func(args ...string) {
		t.Helper()
		stdout, stderr, code := verify(args...)
		for _, want := range []string{"READ_ONLY_MIRROR", "copy of spanway.queue.orders/0", "the ID ams", "spanway link audit"} {
			if code != cli.ExitRefused || !strings.Contains(stderr, want) || strings.Contains(stdout, "hold") {
				t.Errorf("verify %q of a copy ends with %d and prints\n%s%s\nwant %q", args, code, stdout, stderr, want)
			}
		}
	}
	refused("--brokers", broker.Addr())
	closed()
	refused("--segments", dir)
}
