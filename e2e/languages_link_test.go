package e2e_test

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// An application can be announced, and withdrawn, from anything that speaks Kafka.
func TestApacheProducersAnnounce(t *testing.T) {
	broker := onApache(t)
	s := systemOn(t, broker, events.DefaultPrefix)
	kcat := languages()[3]
	kcat.require(t)
	announce := func(want int, env string, words ...string) {
		t.Helper()
		cmd := kcat.submit(words...)
		cmd.Path, cmd.Args[0] = "./announce.sh", "./announce.sh"
		if _, log, code := s.run(cmd, env); code != want {
			t.Fatalf("announce.sh %q ends with %d, want %d\n%s", words, code, want, log)
		}
	}
	c, err := cluster.Open(cluster.Config{Brokers: []string{broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	const none = "SPANWAY_SITES="
	announce(3, none, "shop", "orders") // There is no log yet.
	options := replication.Options{Prefix: events.DefaultPrefix, Source: "/test", Create: true}
	if err := replication.Announce(t.Context(), c, options, replication.Application{Name: "first", Topics: []string{"stock"}}); err != nil {
		t.Fatal(err)
	}
	expect := func(want string) {
		t.Helper()
		all, err := replication.Applications(t.Context(), c, events.DefaultPrefix)
		var got []string
		for _, a := range all {
			got = append(got, fmt.Sprintf("%s %v %s %v", a.Name, a.Topics, a.Model, a.Sites))
		}
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("announced are %v, %v; want %s", got, err, want)
		}
	}
	announce(0, "SPANWAY_SITES=fra,tok", "shop", "orders", "payments")
	expect("[first [stock] topic [] shop [orders payments] topic [fra tok]]")
	announce(0, none, "shop", "orders")
	expect("[first [stock] topic [] shop [orders] topic []]")
	announce(0, none, "shop")
	expect("[first [stock] topic []]")
}
