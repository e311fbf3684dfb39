package queue

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// With -o json each refusal is an object with the queue, the code and the text.
func TestRefusalsAsJSON(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := func(stdin string, args ...string) (string, string, int) {
		return program.Call(t.Context(), stdin, append(args, "-o", "json", "--brokers", brokers)...)
	}
	for _, args := range []string{"create q --max-entries 2", "enqueue q --id a", "enqueue q --id b", "claim q a --holder w1"} {
		if _, text, code := call("x", append([]string{"queue"}, strings.Fields(args)...)...); code != 0 {
			t.Fatal(text)
		}
	}
	for _, r := range []struct {
		args, stdin string
		code        string
		objects     int
		ids         string // that the objects name
	}{
		{"create q --max-entries 3", "", "QUEUE_EXISTS", 1, ""},
		{"enqueue q --id c", "x", "QUEUE_FULL", 1, "c"},
		{"enqueue q --id a", "y", "DUPLICATE_ENTRY", 1, "a"},
		{"enqueue q", "x\ny\n", "QUEUE_FULL", 2, "any"},
		{"enqueue q --ndjson", "[]\n", "BAD_DATA", 1, ""},
		{"remove q x y", "", "UNKNOWN_ENTRY", 2, "xy"},
		{"show q x", "", "UNKNOWN_ENTRY", 1, "x"},
		{"show x", "", "UNKNOWN_QUEUE", 1, ""},
		{"list x", "", "UNKNOWN_QUEUE", 1, ""},
		{"claim q a", "", "ALREADY_CLAIMED", 1, ""},
		{"claim q --lease 2d", "", "BAD_DATA", 1, ""},
		{"done q a --token 1", "", "STALE_CLAIM", 1, "a"},
		{"extend q a --token 1", "", "STALE_CLAIM", 1, "a"},
		{"release q a --token 1", "", "STALE_CLAIM", 1, "a"},
		{"delete q", "", "QUEUE_HELD", 1, ""},
	} {
		out, text, code := call(r.stdin, append([]string{"queue"}, strings.Fields(r.args)...)...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if code != cli.ExitRefused || len(lines) != r.objects {
			t.Errorf("%s: exit code %d, %q, %s", r.args, code, out, text)
		}
		ids := ""
		for _, line := range lines {
			var v struct{ Queue, Code, Text, ID string }
			if err := json.Unmarshal([]byte(line), &v); err != nil || v.Queue == "" || v.Code != r.code || !strings.Contains(v.Text, r.code) {
				t.Errorf("%s: %q: %v", r.args, line, err)
			}
			ids += v.ID
		}
		if ids != r.ids && (r.ids != "any" || ids == "") {
			t.Errorf("%s: the IDs are %q, want %q", r.args, ids, r.ids)
		}
	}
}

// The end of a lease shows wherever a claim does, and is the same in all of them.
func TestUntil(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := func(args string) string {
		out, text, code := program.Call(t.Context(), "x", append(strings.Fields("queue "+args), "--brokers", brokers)...)
		if code != 0 {
			t.Fatal(args, text)
		}
		return out
	}
	call("create q")
	call("enqueue q --id a")
	call("claim q a --lease 1h")
	var v struct {
		Until string
		Claim claimView
	}
	for _, args := range []string{"show q a -o json", "show q -o json", "list q -o json"} {
		v.Until, v.Claim.Until = "", ""
		if err := json.Unmarshal([]byte(call(args)), &v); err != nil {
			t.Fatal(err)
		}
		until, err := time.Parse(time.RFC3339, v.Until+v.Claim.Until)
		if left := time.Until(until); err != nil || left < 50*time.Minute || left > time.Hour {
			t.Errorf("%s: it ends at %q: %v", args, v.Until+v.Claim.Until, err)
		}
	}
	shown := v.Claim.Until
	for _, args := range []string{"show q a", "show q", "list q"} {
		if out := call(args); !strings.Contains(out, shown) {
			t.Errorf("%s: %s; it ends at %s", args, out, shown)
		}
	}
	lines, stop := program.Watch(t, "queue", "watch", "q", "--brokers", brokers)
	if line := <-lines; !strings.Contains(line, "until "+shown) {
		t.Errorf("watch says %s", line)
	}
	stop()
}
