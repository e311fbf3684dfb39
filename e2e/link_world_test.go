package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// twoSites are brokers of a source, ams, and of a target, fra.
type twoSites struct{ ams, fra broker }

func twoOnKfake(t *testing.T) twoSites {
	t.Helper()
	s := twoSites{}
	for id, b := range map[string]*broker{"ams": &s.ams, "fra": &s.fra} {
		k := &kfakeBroker{t: t, port: porttest.Kept(t), cluster: id, dir: t.TempDir()}
		k.Start()
		*b = k
	}
	return s
}

func twoOnApache(t *testing.T) twoSites {
	t.Helper()
	return twoSites{onApache(t), onApache(t)}
}

// addrs are those of both brokers.
func (s twoSites) addrs() [2]string { return [2]string{s.ams.Addr(), s.fra.Addr()} }

// linkWorld is a topic of the source that a link copies to the target, by processes of
// replicators.
type linkWorld struct {
	t              *testing.T
	binary, prefix string
	topic          string
	grown          int32            // to how many partitions the topic was grown; 0 if it was not
	config         string           // file
	source, target *cluster.Cluster // without the proxies that replicators may have
}

// newLinkWorld makes the topic, and declares the link with flags. Replicators reach the
// clusters at the addresses of the file, which are those of via.
func newLinkWorld(t *testing.T, sites twoSites, via [2]string, name, binary string, partitions int32, flags ...string) *linkWorld {
	t.Helper()
	w := &linkWorld{t: t, binary: binary, prefix: name + ".", topic: "orders-" + name, config: filepath.Join(t.TempDir(), "config.yaml")}
	text := fmt.Sprintf("clusters: {ams: {brokers: [%q]}, fra: {brokers: [%q]}}\ncontexts: {fra: {cluster: fra, site: fra}}\ncurrent-context: fra\n", via[0], via[1])
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.source, w.target = openCluster(t, sites.ams.Addr()), openCluster(t, sites.fra.Addr())
	if err := w.source.Kafka().Create(t.Context(), events.TopicSpec{Name: w.topic, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	w.link(0, append([]string{"apply", "orders", "--source", "ams", "--include", w.topic}, flags...)...)
	return w
}

func openCluster(t *testing.T, addr string) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// link runs a command on links, which ends with a code.
func (w *linkWorld) link(code int, args ...string) string {
	w.t.Helper()
	args = append([]string{"link"}, args...)
	return command(w.t, code, append(args, "--config", w.config, "--prefix", w.prefix)...)
}

// replicator starts one, with a failpoint if it is not empty.
func (w *linkWorld) replicator(instance, failpoint string, args ...string) *process {
	w.t.Helper()
	args = append([]string{"serve", "replicator", "--config", w.config, "--prefix", w.prefix, "--instance", instance, "--http", "", "--follow-interval", "200ms"}, args...)
	cmd := exec.Command(w.binary, args...)
	// Tests look at its memory, so it collects garbage as it does where nothing is said.
	cmd.Env = append(os.Environ(), "SPANWAY_FAILPOINT="+failpoint, "GOGC=", "GOMEMLIMIT=")
	return start(w.t, "replicator "+instance, cmd)
}

// grow gives the topic of the source more partitions.
func (w *linkWorld) grow(partitions int32) {
	w.t.Helper()
	if err := w.source.Kafka().Grow(w.t.Context(), w.topic, partitions); err != nil {
		w.t.Fatal(err)
	}
	w.grown = partitions
}

// copied waits until all is copied that stands in the source when it is called.
func (w *linkWorld) copied(generation uint32) {
	w.t.Helper()
	ends := map[int32]int64{}
	count, err := w.source.Kafka().Partitions(w.t.Context(), w.topic)
	count = max(count, w.grown) // What is known of a topic that has just grown may be old.
	for p := range count {
		_, end, failed := w.source.Offsets(w.t.Context(), w.topic, p)
		ends[p], err = end, errors.Join(err, failed)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var last replication.Status
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("of %v there is copied: %v", ends, last.Copies)
		}
	})
	eventually(w.t, patience, "all is copied", func(ctx context.Context) bool {
		if s, err := replication.ReadStatus(ctx, w.target, w.prefix); err == nil {
			last = s
		}
		n := 0
		for _, c := range last.Copies {
			if c.Next >= ends[c.Partition] && c.Generation == generation {
				n++
			}
		}
		return n == int(count)
	})
}

// equal demands that the copy is a true one, by this test's own comparison and by `link
// audit`. before is what stood in the source before it was created again.
func (w *linkWorld) equal(before [][]*kgo.Record) {
	w.t.Helper()
	source, target := w.read(before)
	if err := compareLink(source, target); err != nil {
		w.t.Error(err)
	}
	out := w.link(0, "audit", "orders", "--whole")
	if n := strings.Count(out, " equal "); n != len(source) || strings.Contains(out, "differs") {
		w.t.Errorf("the audit says of %d partitions:\n%s", len(source), out)
	}
	records := 0
	for p := range source {
		records += len(source[p])
	}
	w.t.Logf("%d records in %d partitions, each copied once and in order", records, len(source))
}

// unequal demands that both find the copy wrong, if not at once: a process that is to spoil it
// may need a moment.
func (w *linkWorld) unequal() {
	w.t.Helper()
	var err error
	eventually(w.t, patience, "the comparison finds something wrong", func(context.Context) bool {
		err = compareLink(w.read(nil))
		return err != nil
	})
	out := w.link(1, "audit", "orders", "--whole")
	if !strings.Contains(out, "COPY_DIFFERS") || !strings.Contains(out, "duplicate") {
		w.t.Errorf("the audit says:\n%s", out)
	}
	w.t.Logf("%v\n%s", err, out)
}

// read reads both sides; what stood in the source before comes first.
func (w *linkWorld) read(before [][]*kgo.Record) (source, target [][]*kgo.Record) {
	w.t.Helper()
	source, target = readLinkTopic(w.t, w.source, w.topic), readLinkTopic(w.t, w.target, w.topic)
	for p := range before {
		source[p] = append(before[p], source[p]...)
	}
	return source, target
}
