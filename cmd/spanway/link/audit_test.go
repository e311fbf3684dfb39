package link

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// sites are two clusters, a configuration file that names them, and a link of fra that has
// copied all records of ams but the one at offset 3.
func sites(t *testing.T) (ams, fra *cluster.Cluster, config string) {
	t.Helper()
	text := "current-context: fra\nclusters:\n"
	clusters := map[string]*cluster.Cluster{}
	for _, id := range []string{"ams", "fra"} {
		b, err := embedded.Start(embedded.Config{ClusterID: id})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		c, err := cluster.Open(cluster.Config{Brokers: []string{b.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		topics := []events.TopicSpec{{Name: "orders", Partitions: 1}, {Name: events.Topics{Prefix: events.DefaultPrefix}.DeadLetters(), Partitions: 1}}
		if _, err := c.Ensure(t.Context(), topics); err != nil {
			t.Fatal(err)
		}
		clusters[id] = c
		text += fmt.Sprintf("  %s: {brokers: ['%s'], dial-timeout: 1m}\n", id, b.Addr())
	}
	config = filepath.Join(t.TempDir(), "config.yaml")
	clitest.Answers(t, config)
	if err := os.WriteFile(config, []byte(text+"contexts:\n  fra: {cluster: fra, site: fra}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := events.ClusterPartition{Cluster: "ams", Topic: "orders"}
	var all, copies []events.Record
	for i := range int64(10) {
		r := events.Record{Offset: i, Timestamp: 1_700_000_000_000, Key: []byte("\x1b[31mk")}
		all = append(all, r)
		if i != 3 {
			mark := events.Provenance{Origin: events.Origin{ClusterPartition: at, Offset: i}, Generation: 1}
			copies = append(copies, mark.Mark(&r, events.ClusterPartition{Cluster: "fra", Topic: "orders"}))
		}
	}
	for id, records := range map[string][]events.Record{"ams": all, "fra": copies} {
		if _, err := clusters[id].Kafka().Partition("orders", 0).Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	return clusters["ams"], clusters["fra"], config
}

func TestAuditTranslateAndGroups(t *testing.T) {
	ams, fra, config := sites(t)
	call := func(want int, line string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--config", config)...)
		if code != want {
			t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
		}
		if strings.Contains(stdout, "\x1b") {
			t.Errorf("%s prints raw text: %q", line, stdout)
		}
		return stdout, stderr
	}
	holds := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("it does not say %q:\n%s", part, text)
			}
		}
	}
	call(cli.ExitRefused, "link audit none --topic orders")
	call(cli.ExitDone, "link apply all --source ams --include orders")
	call(cli.ExitDone, "link apply away --source tok --include orders")
	_, stderr := call(cli.ExitUsage, "link audit away --topic orders")
	holds(stderr, "tok")
	stdout, stderr := call(cli.ExitRefused, "link audit all --topic orders")
	holds(stdout, "differs", "orders/0: missing: source @3, no target")
	holds(stderr, "COPY_DIFFERS: 1 partition is no true copy")
	stdout, _ = call(cli.ExitRefused, "link audit all --topic orders -o json")
	var v auditView
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || v.Equal || v.Same != 9 || v.EqualTo != 3 || v.Wrong["missing"] != 1 {
		t.Errorf("%s, %v", stdout, err)
	}
	_, stderr = call(cli.ExitRefused, "link translate all nowhere/0@5")
	holds(stderr, "UNKNOWN_TOPIC", "source: ", "it has no topic \"nowhere\"")
	stdout, _ = call(cli.ExitDone, "link translate all orders/0@5")
	holds(stdout, "orders/0@5", "orders/0@4")
	stdout, _ = call(cli.ExitDone, "link translate all orders/0@4 --back")
	holds(stdout, "orders/0@5", "orders/0@4")
	stdout, stderr = call(cli.ExitRefused, "link translate all orders/0@3")
	holds(stdout, "not exact: it lies between source @2 (target @2) and source @4 (target @3)")
	holds(stderr, "NOT_EXACT: translate orders/0@3: that record has no copy")
	sitetest.Append(t, fra, "orders", 0, []string{"of somebody else"})
	for line, says := range map[string]string{
		"link translate all orders/0@99":        "no record stands at that offset of the source",
		"link translate all orders/0@99 --back": "no record stands at that offset of the copy's topic",
		"link translate all orders/0@9 --back":  "that record is no copy of one that the source has",
	} {
		_, stderr = call(cli.ExitRefused, line)
		holds(stderr, "NOT_EXACT", says)
		stdout, _ = call(cli.ExitRefused, line+" -o json")
		holds(stdout, `"exact":false`)
		if strings.Count(stdout, "\n") != 1 {
			t.Errorf("%s prints %q", line, stdout)
		}
	}
	claim, err := ams.Kafka().FencedWriter(kafka.FenceConfig{ID: "t", Topic: "orders", Expiry: time.Hour}).Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for line, says := range map[string]string{
		fmt.Sprintf("link translate all orders/0@%d", claim.Marker): "it is that of a transaction's marker",
		"link translate all orders/0@99":                            "what is committed there ends at 1",
	} {
		_, stderr = call(cli.ExitRefused, line)
		holds(stderr, "NOT_EXACT", says)
	}
	for _, wrong := range []string{"orders", "orders/0", "orders@1", "orders/x@1", "orders/0@-1", "orders/7@1"} {
		call(cli.ExitUsage, "link translate all "+wrong)
	}
	if err := ams.Kafka().SetCommitted(t.Context(), "shop", "orders", map[int32]int64{0: 5}); err != nil {
		t.Fatal(err)
	}
	stdout, _ = call(cli.ExitDone, "link groups all --topic orders")
	holds(stdout, "shop", "would be set")
	_, stderr = call(cli.ExitRefused, "link groups all --topic orders --group shopp --commit")
	holds(stderr, `carry consumer group "shopp" over: UNKNOWN_CONSUMER_GROUP`)
	stdout, _ = call(cli.ExitDone, "link groups all --topic orders --group shop --commit")
	holds(stdout, "committed")
	if got, err := fra.Kafka().Committed(t.Context(), "shop", "orders", 1); err != nil || got[0] != 4 {
		t.Errorf("committed is %v, %v", got, err)
	}
	stdout, _ = call(cli.ExitDone, "link groups all --topic orders --commit")
	holds(stdout, "same")
}

// What was passed over before the link was widened is told, and is not missing.
func TestAuditOfAWidenedLink(t *testing.T) {
	_, fra, config := sites(t) // The record at offset 3 was not copied.
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := fra.Ensure(t.Context(), events.Specs(topics.ReplicationLogs())); err != nil {
		t.Fatal(err)
	}
	const id = "ams/orders/0/orders"
	before := &events.ReplicationDeclared{From: 3, Routing: &events.ReplicationRouting{Header: "sites"}, Site: "fra"}
	r, err := events.Encoder{Source: "/test"}.Encode(id, &events.ReplicationCheckpointed{Copy: id, Generation: 1, Next: 10, Declared: []*events.ReplicationDeclared{{}, before, {From: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	r.Key = []byte(id + "#1.0")
	if _, err := fra.Partition(topics.ReplicationCheckpoints(), events.CopyPartition(id)).Append(t.Context(), []events.Record{r}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, says string }{
		{"link apply all --source ams --include orders", "all"},
		{"link audit all --topic orders", "orders/0: 1 record was passed over by what was declared then"},
		{"link audit all --topic orders -o json", `"passed_over_before":1`},
	} {
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(c.line), "--config", config)...)
		if code != cli.ExitDone || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("%s ends with %d: %s%s", c.line, code, stdout, stderr)
		}
	}
}

// A link of which nothing can be copied is not waited for: why it is failed is told at once.
func TestAuditOfAFailedLink(t *testing.T) {
	_, fra, config := sites(t)
	call := func(want int, line string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--config", config)...)
		if code != want {
			t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
		}
		return stdout, stderr
	}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := fra.Ensure(t.Context(), events.Specs(topics.ReplicationLogs())); err != nil {
		t.Fatal(err)
	}
	tell := func(m *events.ReplicationLinkReported) {
		t.Helper()
		call(cli.ExitDone, "link apply "+m.Link+" --source ams --include "+m.Link)
		m.State, m.Replicator, m.AtMs = "failed", "one", time.Now().Add(time.Hour).UnixMilli() // However long the test takes, it is not old.
		r, err := events.Encoder{Source: "/test"}.Encode(m.Link, m)
		if err != nil {
			t.Fatal(err)
		}
		r.Key = []byte(m.Link + "@one")
		if _, err := fra.Partition(topics.ReplicationStatus(), 0).Append(t.Context(), []events.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	problem := []*events.ReplicationProblem{{Code: "source_unreachable", Text: "nobody is there"}}
	for _, c := range []struct {
		link *events.ReplicationLinkReported
		code int
		says string
	}{
		{&events.ReplicationLinkReported{Link: "away", Reason: "source_unreachable", Problems: problem}, cli.ExitUnavailable, "LINK_FAILED: link away is failed (source_unreachable): nobody is there"},
		{&events.ReplicationLinkReported{Link: "shut", Reason: "source_rejected", Problems: []*events.ReplicationProblem{{Code: "source_rejected", Text: "wrong password"}}}, cli.ExitRefused, "LINK_FAILED: link shut is failed (source_rejected): wrong password"},
		{&events.ReplicationLinkReported{Link: "bad", Reason: "same_cluster"}, cli.ExitRefused, "LINK_FAILED: link bad is failed (same_cluster): see spanway link show bad"},
	} {
		tell(c.link)
		began := time.Now()
		stdout, stderr := call(c.code, "link audit "+c.link.Link+" -o json")
		if !strings.Contains(stderr, c.says) || !strings.Contains(stdout, `"code":"LINK_FAILED"`) {
			t.Errorf("it says %q, and prints %q", stderr, stdout)
		}
		if took := time.Since(began); took >= reportWait { // It did not wait for a report.
			t.Errorf("it took %v", took)
		}
	}
}
