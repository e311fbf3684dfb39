package link

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator"
)

// twoSites are two clusters with a replicator each, and a configuration file that names
// them.
func twoSites(t *testing.T) (clusters map[string]*cluster.Cluster, config string) {
	t.Helper()
	clusters = map[string]*cluster.Cluster{}
	text, contexts := "current-context: fra\nclusters:\n", "contexts:\n"
	for _, id := range []string{"ams", "fra"} {
		b, err := embedded.Start(embedded.Config{ClusterID: id})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		if clusters[id], err = cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(clusters[id].Close)
		text += fmt.Sprintf("  %s: {brokers: ['%s'], dial-timeout: 1m}\n", id, b.Addr())
		contexts += fmt.Sprintf("  %s: {cluster: %s, site: %s}\n", id, id, id)
	}
	for id := range clusters {
		serveReplicator(t, id, clusters)
	}
	config = filepath.Join(t.TempDir(), "config.yaml")
	clitest.Answers(t, config)
	if err := os.WriteFile(config, []byte(text+contexts), 0o600); err != nil {
		t.Fatal(err)
	}
	return clusters, config
}

func serveReplicator(t *testing.T, site string, clusters map[string]*cluster.Cluster) {
	t.Helper()
	cfg := replicator.DefaultConfig()
	cfg.Site, cfg.Instance = site, "one"
	r, err := replicator.New(cfg, replicator.Deps{Cluster: clusters[site], Sources: clusters, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-r.Ready()
}

// A link is failed over and back by the command line; each call says what is so.
func TestFailover(t *testing.T) {
	clusters, config := twoSites(t)
	call := func(want int, line string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--config", config)...)
		if code != want {
			t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
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
	write := func(site string, n int) {
		t.Helper()
		records := make([]events.Record, n)
		for i := range records {
			records[i] = events.Record{Timestamp: 1_700_000_000_000, Key: []byte("k")}
		}
		if _, err := clusters[site].Partition("orders", 0).Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	if err := clusters["ams"].Kafka().Create(t.Context(), events.TopicSpec{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	write("ams", 5)
	_, stderr := call(cli.ExitRefused, "link failover none --site fra")
	holds(stderr, "UNKNOWN_LINK")
	call(cli.ExitDone, "link apply orders --source ams --include orders --site fra")
	for deadline := time.Now().Add(time.Minute); ; { // A replicator reports once a second.
		stdout, _ := call(cli.ExitDone, "link show orders --partitions -o json --site fra")
		if strings.Contains(stdout, `"next":5`) || time.Now().After(deadline) {
			break
		}
	}
	stdout, stderr := call(cli.ExitDone, "link failover orders --site fra --quiet 10ms --dry-run")
	holds(stdout, "orders", "would be failed over; nothing was changed")
	holds(stderr, "freeze: ", "groups: the offsets of consumer groups would be", "link_back: the link back would be", "pause: the link would be", "turn: the link back would")
	_, stderr = call(cli.ExitUsage, "link failover orders --site fra --quiet 1s --timeout 1s")
	holds(stderr, "--quiet is 1s and --timeout 1s")
	stdout, _ = call(cli.ExitDone, "link failover orders --site fra --quiet 10ms")
	holds(stdout, "link orders is failed over: write here; link orders of site ams copies from here")
	stdout, _ = call(cli.ExitDone, "link show orders --site fra")
	holds(stdout, "paused", "failed over: fra is written to now", "spanway link failover at the site ams")
	stdout, _ = call(cli.ExitDone, "link failover orders --site fra")
	holds(stdout, "was failed over before", "AT THE SOURCE ALONE")
	stdout, _ = call(cli.ExitDone, "link failover orders --site fra --dry-run")
	holds(stdout, "was failed over before", "nothing was changed")
	_, stderr = call(cli.ExitRefused, "link resume orders --site fra")
	holds(stderr, "LINK_FAILED_OVER", "spanway link failover at the site ams")
	stdout, _ = call(cli.ExitDone, "link show orders --site fra")
	holds(stdout, "paused")
	write("fra", 3)
	_, stderr = call(cli.ExitRefused, "link audit orders --site fra")
	holds(stderr, "COPY_DIFFERS", "is failed over", "spanway link audit at the site ams")
	for deadline := time.Now().Add(time.Minute); ; { // A replicator reports once a second.
		stdout, _ := call(cli.ExitDone, "link show orders --partitions -o json --site ams")
		if strings.Contains(stdout, `"copied":3`) || time.Now().After(deadline) {
			break
		}
	}
	stdout, _ = call(cli.ExitDone, "link audit orders --whole --site ams")
	holds(stdout, "equal")
	stdout, _ = call(cli.ExitDone, "link failover orders --site fra") // What has come back to ams is no lag of fra.
	holds(stdout, "orders  0  5          0\n")
	stdout, _ = call(cli.ExitDone, "link failover orders --site fra -o json")
	holds(stdout, `"next":5,"same":0,"compared":false,"not_copied":0,"not_copied_is":"exact"`)
	stdout, _ = call(cli.ExitDone, "link failover orders --site ams --quiet 10ms -o json")
	var v failoverView
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || !v.Done || v.Number != 2 || v.Source != "fra" || len(v.Partitions) != 1 || v.Partitions[0].Same != 3 {
		t.Errorf("%s, %v", stdout, err)
	}
	stdout, _ = call(cli.ExitDone, "link audit orders --whole --site fra")
	holds(stdout, "equal")
}

// An audit of several topics is one table.
func TestAuditOfSeveralTopics(t *testing.T) {
	clusters, config := twoSites(t)
	call := func(line string) string {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--site", "fra", "--config", config)...)
		if code != cli.ExitDone {
			t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
		}
		return stdout
	}
	for _, name := range []string{"orders", "payments"} {
		if err := clusters["ams"].Kafka().Create(t.Context(), events.TopicSpec{Name: name, Partitions: 1}); err != nil {
			t.Fatal(err)
		}
	}
	call("link apply all --source ams --include orders --include payments")
	for deadline := time.Now().Add(time.Minute); ; { // A replicator reports once a second.
		stdout := call("link show all --partitions -o json")
		if strings.Count(stdout, `"target_topic"`) == 2 || time.Now().After(deadline) {
			break
		}
	}
	stdout := call("link audit all")
	if strings.Count(stdout, "VERDICT") != 1 || strings.Count(stdout, "equal") != 2 {
		t.Errorf("it is not one table of both:\n%s", stdout)
	}
	if stdout := call("link audit all -o json"); strings.Count(stdout, "\n") != 2 {
		t.Errorf("it is not one object for each:\n%s", stdout)
	}
}
