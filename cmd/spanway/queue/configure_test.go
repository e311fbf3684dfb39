package queue

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// What a queue may hold changes, up and down; what it holds stays. And what Kafka cannot tell
// apart is no second queue.
func TestConfigure(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	for _, r := range []struct {
		args string
		code int
		says string
	}{
		{"create a.b --max-entries 1 --max-bytes 20", 0, ""},
		{"enqueue a.b --id a", 0, ""},
		{"enqueue a.b --id b", cli.ExitRefused, "QUEUE_FULL: it is full: 1 of 1 entries"},
		{"configure a.b --max-entries 2", 0, "entries  1 of 2, 0 claimed"},
		{"enqueue a.b --id b", 0, ""},
		{"configure a.b --max-entries 1 --max-entry-bytes 100", 0, "entries  2 of 1, 0 claimed"},
		{"enqueue a.b --id c", cli.ExitRefused, "QUEUE_FULL: it is full: 2 of 1 entries, 4 of 20 bytes"},
		{"remove a.b a b", 0, ""},
		{"enqueue a.b --id c", 0, ""},
		{"remove a.b c", 0, ""},
		{"enqueue a.b --id 01234567890123456789", cli.ExitRefused, "no room for one entry of 21 bytes, with its ID, also if it is empty: it may hold 20"},
		{"create a_b", cli.ExitRefused, "BAD_NAME: there is a queue a.b"},
		{"create a.b --max-entries 7", cli.ExitRefused, "spanway queue configure"},
		{"list", 0, "a.b"},
	} {
		out, text, code := program.Call(t.Context(), "x", append(strings.Fields("queue "+r.args), "--brokers", brokers)...)
		if code != r.code || !strings.Contains(out+text, r.says) || strings.Contains(out, "a_b") {
			t.Errorf("%s: exit code %d, %s%s; want %d, %s", r.args, code, out, text, r.code, r.says)
		}
	}
}
