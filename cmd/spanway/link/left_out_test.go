package link

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
)

// A link all of whose topics were deleted at the source is neither audited nor failed over,
// and both say so at once.
func TestALinkWhoseTopicsAreAllDeleted(t *testing.T) {
	_, fra, config := sites(t)
	log := events.Topics{Prefix: events.DefaultPrefix}.ReplicationLog(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	if _, err := fra.Ensure(t.Context(), events.Specs([]events.Log{log})); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour).UnixMilli() // However long the test takes, it is not old.
	var records []events.Record
	for key, m := range map[string]proto.Message{
		"all@one":      &events.ReplicationLinkReported{Link: "all", Replicator: "one", State: "idle", AtMs: later},
		"all/orders/0": &events.ReplicationCopyReported{Link: "all", Topic: "orders", TargetTopic: "orders", State: sourceDeleted, Replicator: "one", AtMs: later},
	} {
		r, err := events.Encoder{Source: "/test"}.Encode(key, m)
		if err != nil {
			t.Fatal(err)
		}
		r.Key, r.Timestamp = []byte(key), later
		records = append(records, r)
	}
	if _, err := fra.Partition(log.Topic, 0).Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"link apply all --source ams --include orders", cli.ExitDone, ""},
		{"link audit all", cli.ExitDone, "SOURCE_DELETED: all that link all has copied was deleted at the source"},
		{"link failover all", cli.ExitRefused, "NOTHING_COPIED: all that it has copied was deleted at the source"},
	} {
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(c.line), "--config", config)...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "waiting") {
			t.Errorf("%s ends with %d: %s%s", c.line, code, stdout, stderr)
		}
	}
}
