package queue

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/queue"
)

func TestTokens(t *testing.T) {
	for text, want := range map[string]token{
		"2":                                    {number: 2},
		"2-1f3c9a0000000001":                   {2, 0x1f3c9a0000000001},
		"9223372036854775807-00000000000000ff": {1<<63 - 1, 255},
	} {
		if got, err := parseToken(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v (%s), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "-", "2-", "x", "2-1f", "2-000000000000000g", "2-0000000000000000", "2-1f3c9a0000000001-1",
		"0-1f3c9a0000000001", "9223372036854775808", "2-+f3c9a0000000001"} {
		if got, err := parseToken(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// A token is of one queue; where it is not known of which, that is not looked at.
func TestATokenOfAnotherQueue(t *testing.T) {
	for _, c := range []struct {
		token    token
		creation uint64
		want     error
	}{
		{token{2, 7}, 7, nil}, {token{2, 0}, 7, nil}, {token{2, 7}, 0, nil}, {token{2, 7}, 8, queue.ErrStaleClaim},
	} {
		if err := c.token.of(c.creation, "q", "finish"); !errors.Is(err, c.want) {
			t.Errorf("%+v of %d: %v", c.token, c.creation, err)
		}
	}
}

// The token of a claim in a queue that was deleted does nothing in the queue that took its
// name, where a claim has the same number; the number alone is taken as it is.
func TestATokenOfAQueueThatWasDeleted(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	run := func(want int, says string, args ...string) string {
		t.Helper()
		out, text, code := program.Call(t.Context(), "x", append(args, "--brokers", brokers)...)
		if code != want || !strings.Contains(text, says) {
			t.Fatalf("%q: exit code %d, %s%s; want %d, %q", args, code, out, text, want, says)
		}
		return out
	}
	claimed := func(mode string) string {
		t.Helper()
		run(0, "", "queue", "create", "tk")
		run(0, "", "queue", "enqueue", "tk", "--id", "a")
		out := run(0, "", "queue", "claim", "tk", "--lease", "1h", "-o", mode)
		if mode == "table" {
			return strings.Fields(strings.SplitN(out, "\n", 2)[1])[2]
		}
		var got struct{ Token string }
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err, out)
		}
		return got.Token
	}
	old := claimed("json")
	run(0, "", "queue", "delete", "tk", "--force")
	now := claimed("table")
	number, _, _ := strings.Cut(now, "-")
	if !strings.HasPrefix(old, number+"-") || old == now {
		t.Fatalf("the tokens are %s and %s", old, now)
	}
	for _, verb := range []string{"done", "extend", "release"} {
		run(1, "STALE_CLAIM: the claim was of another queue of that name", "queue", verb, "tk", "a", "--token", old)
	}
	run(0, "", "queue", "extend", "tk", "a", "--token", number)
	run(0, "", "queue", "done", "tk", "a", "--token", now)
}

// What watch prints names the claim as claim did, also of entries that it begins with.
func TestTokensOfChanges(t *testing.T) {
	held := queue.Entry{ID: "a", Claim: &queue.Claim{Token: 5, Holder: "w"}}
	for _, c := range []queue.Change{{Kind: queue.WasEnqueued, Entry: held}, {Kind: queue.WasClaimed, Entry: held, Token: 5}, {Kind: queue.WasDone, Token: 5}} {
		if got := viewChange(c, 7).Token; got != "5-0000000000000007" {
			t.Errorf("%v: the token is %q", c.Kind, got)
		}
	}
	if got := viewChange(queue.Change{Kind: queue.WasEnqueued}, 7).Token; got != "" {
		t.Errorf("the token of an entry without a claim is %q", got)
	}
}
