package embedded_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

const childDir = "SPANWAY_TEST_BROKER_DIR"

// TestChildBroker is the broker that TestAcknowledgedSurvivesKill kills.
func TestChildBroker(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return // an ordinary run has nothing to do here
	}
	b, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("listening", b.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until it is killed, or its parent is gone
}

func TestAcknowledgedSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	const rounds, size = 3, 50
	for round := range rounds {
		addr, kill := child(t, dir)
		c := kafka.New(kafka.Config{Brokers: []string{addr}})
		if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
			t.Fatal(err)
		}
		p := c.Partition("t", 0)
		for i := range size {
			base, err := p.Append(t.Context(), []events.Record{{Value: fmt.Append(nil, round, "/", i)}})
			if want := int64(round*size + i); err != nil || base != want {
				t.Fatalf("appended at %d, want %d: %v", base, want, err)
			}
		}
		c.Close()
		kill()
	}
	b, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer c.Close()
	page, err := c.Partition("t", 0).Fetch(t.Context(), 0, time.Second)
	if err != nil || len(page.Records) != rounds*size {
		t.Fatalf("%d records are left of %d, %v", len(page.Records), rounds*size, err)
	}
	for i, r := range page.Records {
		if want := fmt.Sprint(i/size, "/", i%size); string(r.Value) != want {
			t.Fatalf("%s at %d, want %s", r.Value, i, want)
		}
	}
}

// child runs a broker in a process of its own.
func child(t *testing.T, dir string) (addr string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildBroker$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = stdin.Close()
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if a, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			return a, kill
		}
	}
	kill()
	t.Fatalf("the broker did not start: %v", lines.Err())
	return "", nil
}
