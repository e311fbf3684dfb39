package main

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
	"github.com/spanway/spanway/services/scheduler"
)

// mirrorPrefix is that of the copies of logs under the default prefix.
const mirrorPrefix = "ams." + events.DefaultPrefix

// mirrors makes a cluster that has copies of the logs of another one, and every topic beside
// them to which requests would go. Of tasks and identifiers one partition alone has records:
// not the one to which the commands below lead.
func mirrors(t *testing.T) (source *cluster.Cluster, mirror *cluster.Cluster, sourceID string) {
	t.Helper()
	s := clitest.Start(t, 1)
	source = s.Cluster()
	for _, line := range []string{"queue create orders", "queue enqueue orders --id a", "task submit -k exec --id one --wait -- true"} {
		if out, text, code := program.Call(t.Context(), "x", append([]string{"--brokers", s.Brokers()[0]}, strings.Fields(line)...)...); code != cli.ExitDone {
			t.Fatalf("%s: %d, %s%s", line, code, out, text)
		}
	}
	b, err := embedded.Start(embedded.Config{ClusterID: "fra"})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, b.Addrs()...)
	t.Cleanup(b.Close)
	mirror, err = cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mirror.Close)
	topics := events.Topics{Prefix: mirrorPrefix}
	if _, err := mirror.Ensure(t.Context(), events.Specs(slices.Concat(topics.Catalogue(), topics.NetworkLogs(), topics.QueueLogs("orders")))); err != nil {
		t.Fatal(err)
	}
	at, err := source.Kafka().Partition("x", 0).Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	queue := events.Topics{Prefix: events.DefaultPrefix}.Queue("orders")
	if _, err := source.Kafka().AwaitTopic(t.Context(), queue); err != nil { // Another client has made it.
		t.Fatal(err)
	}
	copied(t, source, mirror, at.Cluster, queue, 0)
	other := events.PoolPartition(events.DefaultPool) ^ 1
	copied(t, source, mirror, at.Cluster, events.Topics{Prefix: events.DefaultPrefix}.Events(), other)
	copied(t, source, mirror, at.Cluster, events.Topics{Prefix: events.DefaultPrefix}.IDEvents(), events.SpacePartition("spi")^1)
	return source, mirror, at.Cluster
}

// copied copies a partition as a replicator does; one record of its own if the source has none.
func copied(t *testing.T, source, mirror *cluster.Cluster, id, topic string, partition int32) {
	t.Helper()
	var records []events.Record
	if n, err := source.Kafka().Partitions(t.Context(), topic); err == nil && n > 0 {
		log := source.Partition(topic, partition)
		for page := (events.Page{End: 1}); page.Next < page.End; records = append(records, page.Records...) {
			if page, err = log.Fetch(t.Context(), page.Next, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(records) == 0 {
		records = []events.Record{{Timestamp: 1, Value: []byte("a grant")}}
	}
	of := events.ClusterPartition{Cluster: id, Topic: topic, Partition: partition}
	at := events.ClusterPartition{Cluster: "fra", Topic: "ams." + topic, Partition: partition}
	for i := range records {
		p := events.Provenance{Generation: 1, Origin: events.Origin{ClusterPartition: of, Offset: records[i].Offset}}
		r := p.Mark(&records[i], at)
		if _, err := mirror.Partition(at.Topic, partition).Append(t.Context(), []events.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
}

// held is where each partition of a cluster ends.
func held(t *testing.T, c *cluster.Cluster) map[events.Place]bool {
	t.Helper()
	topics, err := c.Kafka().Topics(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	all := map[events.Place]bool{}
	for _, topic := range topics {
		for p := range topic.Partitions {
			_, end, err := c.Offsets(t.Context(), topic.Name, p)
			if err != nil {
				t.Fatal(err)
			}
			all[events.Place{Topic: topic.Name, Partition: p, Offset: end}] = true
		}
	}
	return all
}

// Each command that writes is refused at a mirror before anything is written, and says where
// to write; so are services that would write there.
func TestNothingIsWrittenToAMirror(t *testing.T) {
	_, mirror, id := mirrors(t)
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte("{path: /networks/shop, network: {}, span: {whereUsed: true}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := held(t, mirror)
	for _, line := range []string{
		"task submit -k exec -- true", "task submit -k exec --pool other -- true", "task submit -k exec --wait -- true",
		"task cancel one", "task cancel --all", "task retry one",
		"engine drain local-1", "engine resume local-1", "pool set default --weight a=2", "pool replace default",
		"id create spi --from 1 --to 100", "id grow spi --to 1000", "id delete spi", "id grant spi", "id reserve spi --from 7",
		"id release spi --request-id r", "id renew spi --request-id r --lease 1h",
		"queue create orders", "queue create other", "queue configure orders --max-entries 9", "queue delete orders --force", "queue enqueue orders --id b",
		"queue remove orders a", "queue trim orders --through 1", "queue claim orders", "queue claim orders a",
		"queue release orders a --token 7", "queue extend orders a --token 7", "queue done orders a --token 7",
		"link apply in --source x --include y", "link announce shop --topic orders", "link withdraw shop",
		"network apply -f " + file, "network withdraw 1", "site add ams", "site resync ams", "site retire ams",
		"serve scheduler", "serve engine --id e1",
	} {
		t.Run(line, func(t *testing.T) {
			args := append([]string{"--brokers", mirror.Brokers()[0], "--prefix", mirrorPrefix}, strings.Fields(line)...)
			stdout, stderr, code := program.Call(t.Context(), "x", args...)
			for _, want := range []string{string(events.CodeReadOnlyMirror), "the cluster with the ID " + id, "--prefix"} {
				if code != cli.ExitRefused || !strings.Contains(stdout+stderr, want) {
					t.Errorf("exit code %d, %s%s; want %q", code, stdout, stderr, want)
				}
			}
			if after := held(t, mirror); !maps.Equal(before, after) {
				t.Errorf("the mirror has\n%v, and had\n%v", after, before)
				before = after
			}
		})
	}
}

// The same error everywhere, in Go.
func TestAMirrorIsOneError(t *testing.T) {
	source, mirror, id := mirrors(t)
	tasks, err := client.New(client.Config{Cluster: mirror, Prefix: mirrorPrefix})
	if err != nil {
		t.Fatal(err)
	}
	defer tasks.Close(t.Context())
	ranges, err := ids.New(ids.Config{Cluster: mirror, Prefix: mirrorPrefix})
	if err != nil {
		t.Fatal(err)
	}
	defer ranges.Close()
	planned := scheduler.DefaultConfig()
	planned.Prefix = mirrorPrefix
	places, err := scheduler.New(planned, scheduler.Deps{Cluster: mirror, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	granting := allocator.DefaultConfig()
	granting.Prefix = mirrorPrefix
	grants, err := allocator.New(granting, allocator.Deps{Cluster: mirror, Store: store.NewMemory(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	before := held(t, mirror)
	task := client.Task{Kind: "exec", Payload: []byte("{}")}
	async := make(chan error, 1)
	tasks.SubmitAsync(t.Context(), task, func(_ events.TaskID, err error) { async <- err })
	_, submitted := tasks.Submit(t.Context(), task)
	_, granted := ranges.Grant(t.Context(), ids.Want{Space: "spi"})
	for what, err := range map[string]error{
		"submit": submitted, "submit and go on": <-async, "grant": granted, "create": queue.Create(t.Context(), mirror, "new", queue.Rules{}, queue.Options{Prefix: mirrorPrefix}),
		"schedule": places.Run(t.Context()), "allocate": grants.Run(t.Context()),
	} {
		var copied *eventlog.ReadOnlyError
		if !errors.As(err, &copied) || copied.Of.Cluster != id || copied.Prefix != events.DefaultPrefix {
			t.Errorf("%s: %v; want a *eventlog.ReadOnlyError that names %s and %s", what, err, id, events.DefaultPrefix)
		}
	}
	if client.OutcomeOf(submitted) != client.Denied {
		t.Errorf("a refused submission is said to be %v", client.OutcomeOf(submitted))
	}
	if after := held(t, mirror); !maps.Equal(before, after) {
		t.Errorf("the mirror has\n%v, and had\n%v", after, before)
	}
	if err := source.Guard(events.DefaultPrefix, events.Topics{Prefix: events.DefaultPrefix}.Events()).Writable(t.Context(), -1); err != nil {
		t.Errorf("the source is not writable: %v", err)
	}
}
