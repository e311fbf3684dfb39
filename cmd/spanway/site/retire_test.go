package site

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/id"
	"github.com/spanway/spanway/cmd/spanway/link"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// program has the commands that the tests here call.
var program = clitest.Program{Command, link.Command, id.Command}

func TestMain(m *testing.M) { clitest.Main(m) }

// With a site go the links that copy from it and the identifiers that it owns, and nothing else
// does; both stay where that is asked for.
func TestWhatARetiredSiteLeaves(t *testing.T) {
	g := clitest.StartGovern(t, "ams", "fra", "sin")
	allocates(t, g)
	does := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(args, "--config", g.Config)...)
		if code != 0 {
			t.Fatalf("spanway %q ends with %d: %s%s", args, code, stdout, stderr)
		}
		return stdout
	}
	does("id", "create", "spi", "--from", "1", "--to", "99")
	for _, name := range []string{"fra", "sin"} {
		does("site", "add", name)
		does("link", "apply", "orders-"+name, "--source", name, "--include", "orders-"+name)
		does("id", "grant", "spi", "--count", "4", "--owner", name, "--request-id", "chain-"+name)
	}
	does("id", "release", "spi", "--request-id", "chain-fra", "--owner", "fra", "--from", "2", "--to", "2")
	want := "site fra is retired; it had 0 objects\nlink orders-fra, which copied from it, is deleted\n" +
		"1 to 1 of space spi, which it owned, are released\n3 to 4 of space spi, which it owned, are released\n"
	if said := does("site", "retire", "fra"); said != want {
		t.Errorf("it says\n%s\nwant\n%s", said, want)
	}
	left := func(of string) (link, live bool) {
		t.Helper()
		return strings.Contains(does("link", "list"), "orders-"+of), strings.Contains(does("id", "show", "spi", "--ranges", "-o", "json"), `"state":"live","granted":1,"request_id":"chain-`+of+`"`)
	}
	if link, live := left("fra"); link || live {
		t.Errorf("of fra there is left: a link %t, identifiers %t", link, live)
	}
	want = `{"links":[],"objects":0,"released":[],"retired":true,"site":"sin"}` + "\n"
	if said := does("site", "retire", "sin", "--keep", "-o", "json"); said != want {
		t.Errorf("it says\n%s\nwant\n%s", said, want)
	}
	if link, live := left("sin"); !link || !live {
		t.Errorf("of sin there is left: a link %t, identifiers %t", link, live)
	}
	does("site", "add", "sin")
	want = `{"links":["orders-sin"],"objects":0,"released":[{"space":"spi","request_id":"chain-sin","from":5,"to":8}],"retired":true,"site":"sin"}` + "\n"
	if said := does("site", "retire", "sin", "-o", "json"); said != want {
		t.Errorf("it says\n%s\nwant\n%s", said, want)
	}
}

// allocates runs an allocator at the site of the global manager.
func allocates(t *testing.T, g *clitest.Govern) {
	t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: []string{g.Sites()[0].Kafka}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := allocator.New(allocator.DefaultConfig(), allocator.Deps{Cluster: c, Store: store.NewMemory(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the allocator ended with: %v", err)
		}
		c.Close()
	})
	<-a.Ready()
}
