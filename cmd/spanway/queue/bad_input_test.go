package queue

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

var atOffset = regexp.MustCompile(`,"as_of":"[^"]*"`)

// Each bad command ends with its exit code and says what is wrong on one line that a terminal
// can show; the queue is as it was.
func TestBadInput(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := func(stdin string, args ...string) (stdout, stderr string, code int) {
		return program.Call(t.Context(), stdin, append(args, "--brokers", brokers)...)
	}
	for _, args := range [][]string{
		{"queue", "create", "orders", "--max-entries", "3", "--max-entry-bytes", "100"},
		{"queue", "enqueue", "orders", "--id", "held"},
		{"queue", "enqueue", "orders", "--id", "claimed"},
		{"queue", "enqueue", "orders", "--id", "gone"},
		{"queue", "remove", "orders", "gone"},
		{"queue", "claim", "orders", "claimed", "--holder", "w1", "--lease", "1d"},
	} {
		if _, text, code := call("x", args...); code != 0 {
			t.Fatal(text)
		}
	}
	entries := func() string {
		out, text, code := call("", "queue", "list", "orders", "-o", "json")
		if code != 0 {
			t.Fatal(text)
		}
		return atOffset.ReplaceAllString(out, "") // Calls that are refused stand in the log, too.
	}
	before := entries()
	long, huge, control := strings.Repeat("x", 10<<10), strings.Repeat("x", 10<<20), "a\x1b[2J\n"
	for _, r := range []struct {
		args  []string
		stdin string
		code  int
		says  string
	}{
		{[]string{"show", "nothing"}, "", cli.ExitRefused, "UNKNOWN_QUEUE"},
		{[]string{"list", "nothing"}, "", cli.ExitRefused, "UNKNOWN_QUEUE"},
		{[]string{"enqueue", "nothing"}, "x\n", cli.ExitRefused, "UNKNOWN_QUEUE"},
		{[]string{"claim", "nothing"}, "", cli.ExitRefused, "UNKNOWN_QUEUE"},
		{[]string{"watch", "nothing"}, "", cli.ExitRefused, "UNKNOWN_QUEUE"},
		{[]string{"delete", "nothing", "--force"}, "", cli.ExitRefused, "UNKNOWN_QUEUE"},
		{[]string{"show", ""}, "", cli.ExitUsage, "queue"},
		{[]string{"create", ""}, "", cli.ExitUsage, "queue"},
		{[]string{"create", long}, "", cli.ExitUsage, "queue"},
		{[]string{"create", " "}, "", cli.ExitUsage, "queue"},
		{[]string{"create", "a\u200b"}, "", cli.ExitUsage, "queue"},
		{[]string{"create", "."}, "", cli.ExitUsage, "queue"},
		{[]string{"create", ".."}, "", cli.ExitUsage, "queue"},
		{[]string{"configure", "orders"}, "", cli.ExitUsage, "give what is to change"},
		{[]string{"configure", "orders", "--max-bytes", "-1"}, "", cli.ExitUsage, "below 0"},
		{[]string{"configure", "nothing", "--max-bytes", "1"}, "", cli.ExitRefused, "UNKNOWN_QUEUE"},
		{[]string{"configure", "orders", "--max-entry-bytes", "10485760"}, "", cli.ExitRefused, "BAD_DATA: max_entry_bytes is 10485760"},
		{[]string{"create", control}, "", cli.ExitUsage, "queue"},
		{[]string{"create", "n", "--max-entries", "-1"}, "", cli.ExitUsage, "below 0"},
		{[]string{"create", "n", "--max-entry-bytes", "10485760"}, "", cli.ExitRefused, "BAD_DATA: max_entry_bytes is 10485760; give 1 to 262144"},
		{[]string{"create", "orders", "--ids", "uuidv7", "--max-entries", "3"}, "", cli.ExitRefused, `QUEUE_EXISTS: it exists with other rules: max_entry_bytes is 100, not 262144; ids is "any", not "uuidv7"`},
		{[]string{"enqueue", "orders", "--id", "n"}, huge, cli.ExitRefused, "TOO_LARGE: the payload has 10485760 bytes; at most 262144 are allowed"},
		{[]string{"enqueue", "orders", "--id", "n"}, strings.Repeat("x", 101), cli.ExitRefused, "TOO_LARGE: its payloads may have 100 bytes"},
		{[]string{"enqueue", "orders"}, huge, cli.ExitRefused, "line 1 of standard input"},
		{[]string{"enqueue", "orders", "--payload", "-"}, huge, cli.ExitRefused, "enqueue the payload"},
		{[]string{"enqueue", "orders", "--id", long}, "x", cli.ExitRefused, "BAD_ENTRY_ID: the ID has 10240 bytes"},
		{[]string{"enqueue", "orders", "--id", control}, "x", cli.ExitRefused, "BAD_ENTRY_ID"},
		{[]string{"enqueue", "orders", "--id", ""}, "x", cli.ExitUsage, "--id"},
		{[]string{"enqueue", "orders", "--id", "held"}, "y", cli.ExitRefused, "DUPLICATE_ENTRY"},
		{[]string{"enqueue", "orders", "--id", "gone"}, "x", cli.ExitRefused, "ALREADY_REMOVED"},
		{[]string{"enqueue", "orders", "--type", control}, "x\n", cli.ExitRefused, "BAD_DATA"},
		{[]string{"enqueue", "orders", "--ndjson"}, `{"id":"\u001b","payload":"x"}`, cli.ExitRefused, "BAD_ENTRY_ID"},
		{[]string{"enqueue", "orders", "--ndjson"}, "\x00\xff\n", cli.ExitRefused, "BAD_DATA"},
		{[]string{"enqueue", "orders", "--ndjson"}, `{"id":5}`, cli.ExitRefused, "BAD_DATA: id of the line is a value of type number; give text; mend it"},
		{[]string{"enqueue", "orders", "--ndjson"}, `{}`, cli.ExitRefused, "BAD_DATA: neither an id nor a payload"},
		{[]string{"enqueue", "orders", "--ndjson"}, `{"ID":"n","payload":"x"}`, cli.ExitRefused, `BAD_DATA: the line has "ID": the fields are id,`},
		{[]string{"enqueue", "orders", "--ndjson"}, `{"id":"n","payload":"x","id":"m"}`, cli.ExitRefused, "BAD_DATA: the line has id twice"},
		{[]string{"enqueue", "orders", "--ndjson"}, `{"id":"n"`, cli.ExitRefused, "BAD_DATA: the line is not a JSON object"},
		{[]string{"enqueue", "orders", "--ndjson"}, `{"id":"n","payloadBase64":"!!"}`, cli.ExitRefused, "BAD_DATA: payloadBase64 of the line is not base64"},
		{[]string{"enqueue", "orders", "--ndjson"}, `{"id":"n"} {}`, cli.ExitRefused, "BAD_DATA: something follows the object on its line"},
		{[]string{"show", "orders", "never"}, "", cli.ExitRefused, "UNKNOWN_ENTRY"},
		{[]string{"show", "orders", ""}, "", cli.ExitRefused, "ENTRY"},
		{[]string{"remove", "orders", "never"}, "", cli.ExitRefused, "UNKNOWN_ENTRY"},
		{[]string{"remove", "orders", "gone"}, "", cli.ExitRefused, "ALREADY_REMOVED"},
		{[]string{"remove", "orders", ""}, "", cli.ExitRefused, "BAD_ENTRY_ID"},
		{[]string{"remove", "orders", long}, "", cli.ExitRefused, "BAD_ENTRY_ID"},
		{[]string{"remove", "orders", "held", "--reason", long}, "", cli.ExitRefused, "BAD_DATA: the reason has 10240 bytes; at most 256 are allowed"},
		{[]string{"claim", "orders", "--count", "0"}, "", cli.ExitUsage, "--count 0: give 1 to 1000"},
		{[]string{"claim", "orders", "--count", "-1"}, "", cli.ExitUsage, "--count -1: give 1 to 1000"},
		{[]string{"claim", "orders", "--count", "1001"}, "", cli.ExitRefused, "BAD_COUNT"},
		{[]string{"claim", "orders", "--lease", "0s"}, "", cli.ExitRefused, "BAD_DATA: the lease is 0s"},
		{[]string{"claim", "orders", "--lease", "2d"}, "", cli.ExitRefused, "BAD_DATA: the lease is 48h"},
		{[]string{"claim", "orders", "held", "--holder", control}, "", cli.ExitUsage, "--holder"},
		{[]string{"claim", "orders", "held", "claimed"}, "", cli.ExitRefused, `ALREADY_CLAIMED: "claimed" is claimed by "w1"`},
		{[]string{"release", "orders", "held", "--token", "1"}, "", cli.ExitRefused, "STALE_CLAIM"},
		{[]string{"release", "orders", "claimed", "--token", "1"}, "", cli.ExitRefused, `STALE_CLAIM: the claim is over; the entry is claimed by "w1"`},
		{[]string{"release", "orders", "claimed"}, "", cli.ExitUsage, "--token"},
		{[]string{"done", "orders", "claimed", "--token", "-1"}, "", cli.ExitUsage, "--token"},
		{[]string{"done", "orders", "claimed", "--token", "0"}, "", cli.ExitUsage, "--token"},
		{[]string{"extend", "orders", "claimed", "--token", "1", "--lease", "-1s"}, "", cli.ExitRefused, "BAD_DATA"},
		{[]string{"release", "orders", "claimed", "--token", "1", "--reason", long}, "", cli.ExitRefused, "BAD_DATA: the reason has 10240 bytes"},
		{[]string{"done", "orders", "gone", "--token", "1"}, "", cli.ExitRefused, "STALE_CLAIM: the entry was taken out before: if that was with this token, all is done"},
		{[]string{"delete", "orders"}, "", cli.ExitRefused, `QUEUE_HELD: it holds 2 entries, of which 1 are claimed by ["w1"]`},
	} {
		out, text, code := call(r.stdin, append([]string{"queue"}, r.args...)...)
		first, _, _ := strings.Cut(text, "\n")
		if code != r.code || out != "" || !strings.Contains(first, r.says) || strings.Contains(text, "\x1b") || len(first) > 700 {
			t.Errorf("%.80q: exit code %d, %.700q; want %d, %q", r.args, code, first, r.code, r.says)
		}
		if now := entries(); now != before {
			t.Fatalf("%.80q: the entries are\n%s; they were\n%s", r.args, now, before)
		}
	}
	if out, text, code := call("x", "queue", "enqueue", "orders", "--id", "after"); code != 0 || out != "after\n" {
		t.Errorf("after all of them: exit code %d, %s%s", code, out, text)
	}
}
