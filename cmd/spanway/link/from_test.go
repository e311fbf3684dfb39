package link

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// A copy cannot be told to begin behind the end of its source: that is refused, with the end,
// also where only the replicator knows the source; a record of another producer that says so
// stops the copy with a reason of its own. Where the source has deleted the record it is told
// where the copy begins.
func TestResumeFromWhereTheSourceHasNothing(t *testing.T) {
	clusters, config := twoSites(t)
	ams := clusters["ams"]
	if err := ams.Kafka().Create(t.Context(), events.TopicSpec{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := ams.Partition("orders", 0).Append(t.Context(), make([]events.Record, 5)); err != nil {
		t.Fatal(err)
	}
	if err := ams.Kafka().DeleteRecords(t.Context(), "orders", 0, 2); err != nil {
		t.Fatal(err)
	}
	call := func(want int, line, config string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--site", "fra", "--config", config)...)
		if code != want {
			t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
		}
		return stdout, stderr
	}
	shows := func(part string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; { // A replicator reports once a second.
			stdout, _ := call(cli.ExitDone, "link show orders --partitions -o json", config)
			if strings.Contains(stdout, part) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("it does not come to show %s:\n%s", part, stdout)
			}
		}
	}
	call(cli.ExitDone, "link apply orders --source ams --include orders", config)
	shows(`"next":5,"source_end":5`)

	stdout, stderr := call(cli.ExitRefused, "link resume orders --topic orders --from 6 -o json", config)
	if !strings.Contains(stderr, "BAD_DATA: partition 0 of topic orders ends at offset 5 at the source ams: give") || !strings.Contains(stdout, `"code":"BAD_DATA"`) {
		t.Errorf("it says %q and prints %q", stderr, stdout)
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "alone.yaml") // It does not name the source.
	clitest.Answers(t, alone)
	if err := os.WriteFile(alone, []byte(strings.NewReplacer("  ams: {brokers", "  rom: {brokers", "{cluster: ams", "{cluster: rom").Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr := call(cli.ExitRefused, "link resume orders --topic orders --from 6", alone); !strings.Contains(stderr, "ends at offset 5 at the source ams, as its replicator has reported last") {
		t.Errorf("it says %q", stderr)
	}
	if _, stderr := call(cli.ExitDone, "link resume orders --topic orders --from 1", config); !strings.Contains(stderr, "partition 0 of topic orders has no record before offset 2 any more: its copy begins there, and not at 1") {
		t.Errorf("it says %q", stderr)
	}
	shows(`"copied":6`)
	call(cli.ExitDone, "link resume orders --topic orders --from 5", config)

	site, err := replication.Open(t.Context(), clusters["fra"], replication.Options{Source: "/test", Brief: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	if err := site.Resume(t.Context(), "orders", replication.Resume{Topic: "orders", Restart: true, From: 50}); err != nil {
		t.Fatal(err)
	}
	shows(`"reason":"beyond_end","remedy":"it was to begin anew at an offset behind the end of the source, and nothing was changed: spanway link resume orders --topic orders --partition 0 --from earliest`)
	shows(`"incidents":[{"reason":"beyond_end","offset":50,`)
	call(cli.ExitDone, "link resume orders --topic orders --from earliest", config)
	shows(`"copied":9`)
}
