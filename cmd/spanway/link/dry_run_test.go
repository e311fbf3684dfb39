package link

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
)

// A dry run changes nothing: it creates no topics, either.
func TestADryRunCreatesNothing(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, b.Addrs()...)
	t.Cleanup(b.Close)
	stdout, stderr, code := program.Call(t.Context(), "", "link", "apply", "orders", "--source", "ams", "--include", "orders", "--dry-run", "--brokers", b.Addr())
	if code != 0 || !strings.Contains(stdout, "orders would be added") {
		t.Fatalf("it ends with %d: %s%s", code, stdout, stderr)
	}
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer c.Close()
	if topics, err := c.Topics(t.Context(), ""); err != nil || len(topics) != 0 {
		t.Errorf("the topics are %v, %v", topics, err)
	}
}
