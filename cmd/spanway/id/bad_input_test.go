package id

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// Each bad command ends with its exit code and says what is wrong on one line that a terminal
// can show; the space is as it was.
func TestBadInput(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := func(args ...string) (stdout, stderr string, code int) {
		return program.Call(t.Context(), "", append(args, "--brokers", brokers)...)
	}
	for _, args := range [][]string{
		{"id", "create", "spi", "--to", "100", "--max", "50", "--quarantine", "1h"},
		{"id", "grant", "spi", "--count", "4", "--request-id", "a", "--owner", "me"},
	} {
		if _, text, code := call(args...); code != 0 {
			t.Fatal(text)
		}
	}
	ranges := func() string {
		out, text, code := call("id", "show", "spi", "--ranges", "-o", "json")
		if code != 0 {
			t.Fatal(text)
		}
		_, of, _ := strings.Cut(out, "\n") // The first line tells offsets, which refusals move.
		return of
	}
	before := ranges()
	long := strings.Repeat("x", 10<<10)
	for _, r := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"grant", "nothing"}, cli.ExitRefused, `UNKNOWN_SPACE: there is no space "nothing"`},
		{[]string{"show", "nothing"}, cli.ExitRefused, `UNKNOWN_SPACE: no space "nothing"`},
		{[]string{"show", "nothing/7"}, cli.ExitRefused, `UNKNOWN_SPACE: no space "nothing"`},
		{[]string{"show", ""}, cli.ExitUsage, "the space is missing"},
		{[]string{"show", long}, cli.ExitUsage, "10240 bytes"},
		{[]string{"show", "a\x1b[2J/7"}, cli.ExitUsage, "control character"},
		{[]string{"show", "spi/0"}, cli.ExitRefused, "OUT_OF_BOUNDS"},
		{[]string{"show", "spi/abc"}, cli.ExitUsage, `identifier "abc" of space "spi": give a number, as in spi/7`},
		{[]string{"show", "nothing/abc"}, cli.ExitRefused, `UNKNOWN_SPACE: no space "nothing/abc"`},
		{[]string{"show", "spi/-1"}, cli.ExitRefused, "OUT_OF_BOUNDS"},
		{[]string{"watch", "nothing"}, cli.ExitRefused, `UNKNOWN_SPACE: no space "nothing"`},
		{[]string{"watch", ""}, cli.ExitUsage, "the space"},
		{[]string{"grant", ""}, cli.ExitUsage, "the space is missing"},
		{[]string{"grant", long}, cli.ExitUsage, "10240 bytes"},
		{[]string{"grant", "a\x1b[2J\n"}, cli.ExitUsage, "control character"},
		{[]string{"grant", "spi", "--count", "0"}, cli.ExitUsage, "--count \"0\": give an integer of at least 1"},
		{[]string{"grant", "spi", "--count", "-1"}, cli.ExitUsage, "--count \"-1\": give an integer of at least 1"},
		{[]string{"grant", "spi", "--count", "51"}, cli.ExitRefused, `BAD_COUNT: 51 identifiers: a grant of space "spi" has 1 to 50`},
		{[]string{"grant", "spi", "--count", "99999999999999999999"}, cli.ExitUsage, "--count"},
		{[]string{"grant", "spi", "--request-id", long}, cli.ExitUsage, "request-id"},
		{[]string{"grant", "spi", "--request-id", "a\nb"}, cli.ExitUsage, "request-id"},
		{[]string{"grant", "spi", "--owner", long}, cli.ExitUsage, "owner"},
		{[]string{"grant", "spi", "--owner", "a\x1b"}, cli.ExitUsage, "owner"},
		{[]string{"grant", "spi", "--lease", "-1s"}, cli.ExitUsage, "give 0, or a duration of at least 1ms"},
		{[]string{"grant", "spi", "--count", "5", "--request-id", "a", "--owner", "me"}, cli.ExitRefused, "REQUEST_MISMATCH"},
		{[]string{"reserve", "spi", "--from", "4", "--to", "9"}, cli.ExitRefused, `RANGE_TAKEN: some of these identifiers of space "spi" are held, or rest: 1-4 by owner "me"`},
		{[]string{"reserve", "spi", "--from", "9", "--to", "4"}, cli.ExitRefused, "BAD_DATA: reserve from 9 to 4"},
		{[]string{"reserve", "spi", "--from", "-1"}, cli.ExitUsage, "--from \"-1\": give an integer of at least 0"},
		{[]string{"reserve", "spi", "--from", "101"}, cli.ExitRefused, `OUT_OF_BOUNDS: space "spi" has the identifiers 1 to 100`},
		{[]string{"release", "spi"}, cli.ExitUsage, "--request-id"},
		{[]string{"release", "spi", "--request-id", "a"}, cli.ExitRefused, `NOT_OWNER: the grant of request ID "a" is held by owner "me"`},
		{[]string{"release", "spi", "--request-id", "a", "--owner", "me", "--from", "50", "--to", "60"}, cli.ExitRefused, `OUT_OF_BOUNDS: the grant of request ID "a" has the identifiers 1 to 4`},
		{[]string{"release", "spi", "--request-id", "never", "--owner", "me"}, cli.ExitRefused, "UNKNOWN_GRANT"},
		{[]string{"renew", "spi", "--request-id", "a", "--owner", "other", "--lease", "1h"}, cli.ExitRefused, "NOT_OWNER"},
		{[]string{"renew", "spi", "--request-id", "a", "--owner", "me"}, cli.ExitUsage, "--lease (0: until it is released)"},
		{[]string{"create", "n", "--from", "9", "--to", "1"}, cli.ExitRefused, "BAD_DATA: a space from 9 to 1"},
		{[]string{"create", "n", "--to", "10", "--max", "-1"}, cli.ExitUsage, "--max \"-1\": give an integer of at least 1"},
		{[]string{"create", "n", "--to", "10", "--max", "0"}, cli.ExitUsage, "--max \"0\": give an integer of at least 1"},
		{[]string{"create", "n", "--to", "10", "--max", "9007199254740993"}, cli.ExitRefused, "BAD_DATA: a space from 1 to 10 with at most 9007199254740993"},
		{[]string{"create", "n", "--to", "-1"}, cli.ExitUsage, "--to \"-1\": give an integer of at least 0"},
		{[]string{"create", "n", "--from", "-1", "--to", "3"}, cli.ExitUsage, "--from \"-1\": give an integer of at least 0"},
		{[]string{"create", "n", "--to", "10", "--quarantine", "-1h"}, cli.ExitUsage, "give 0, or a duration of at least 1ms"},
		{[]string{"create", "n", "--to", "10", "--quarantine", "1ns"}, cli.ExitUsage, "give 0, or a duration of at least 1ms"},
		{[]string{"create", "a/b", "--to", "10"}, cli.ExitRefused, `BAD_NAME: the space "a/b" cannot have that name: `},
		{[]string{"create", "a\u200bb", "--to", "10"}, cli.ExitRefused, `BAD_NAME: the space "a\u200bb"`},
		{[]string{"create", " ", "--to", "10"}, cli.ExitRefused, "BAD_NAME"},
		{[]string{"create", "..", "--to", "10"}, cli.ExitRefused, "BAD_NAME"},
		{[]string{"grow", "spi", "--to", "-9"}, cli.ExitUsage, "--to \"-9\""},
		{[]string{"release", "spi", "--request-id", "a", "--owner", "me", "--from", "-2", "--to", "2"}, cli.ExitUsage, "--from \"-2\""},
		{[]string{"renew", "spi", "--request-id", "a", "--owner", "me", "--lease", "-1h"}, cli.ExitUsage, "give 0, or a duration of at least 1ms"},
		{[]string{"grant", "spi", "--request-id", ""}, cli.ExitUsage, `--request-id "": it is empty`},
		{[]string{"grant", "spi", "--owner", ""}, cli.ExitUsage, `--owner "": it is empty`},
		{[]string{"reserve", "spi", "--from", "9", "--owner", ""}, cli.ExitUsage, `--owner "": it is empty`},
		{[]string{"renew", "spi", "--request-id", "", "--lease", "1h"}, cli.ExitUsage, `--request-id "": it is empty`},
		{[]string{"release", "spi", "--request-id", "a", "--owner", ""}, cli.ExitUsage, `--owner "": it is empty`},
		{[]string{"create", "spi", "--to", "99"}, cli.ExitRefused, `SPACE_EXISTS: space "spi" exists with other rules: its last identifier is 100, not 99; a grant has at most 50, not 65536;`},
		{[]string{"grant", "spi", "--prefix", "no."}, cli.ExitUnavailable, "have no topic no.ids.events; give the right prefix"},
		{[]string{"grow", "spi", "--to", "9"}, cli.ExitRefused, `OUT_OF_BOUNDS: space "spi" has the identifiers 1 to 100`},
		{[]string{"grow", "spi"}, cli.ExitUsage, "--to"},
		{[]string{"delete", "spi"}, cli.ExitRefused, `SPACE_HELD: ranges of space "spi" are held: 1-4 by owner "me" (request ID "a")`},
		{[]string{"delete", "nothing", "--force"}, cli.ExitRefused, "UNKNOWN_SPACE"},
	} {
		out, text, code := call(append([]string{"id"}, r.args...)...)
		first, _, _ := strings.Cut(text, "\n")
		if code != r.code || out != "" || !strings.Contains(first, r.says) || strings.Contains(text, "\x1b") || len(first) > 700 {
			t.Errorf("%.80q: exit code %d, %q; want %d, %q", r.args, code, first, r.code, r.says)
		}
		if r.code == cli.ExitRefused {
			out, _, code = call(append([]string{"id", "-o", "json"}, r.args...)...)
			name, _, _ := strings.Cut(r.says, ":")
			refusedAs(t, out, code, name)
		}
		if now := ranges(); now != before {
			t.Fatalf("%.80q: the ranges are\n%s; they were\n%s", r.args, now, before)
		}
	}
	if out, text, code := call("id", "grant", "spi", "--count", "50"); code != 0 || !strings.HasPrefix(out, "5-54 ") {
		t.Errorf("after all of them: exit code %d, %s%s", code, out, text)
	}
	out, _, code := call("id", "grant", "spi", "--count", "50", "--request-id", "full", "-o", "json")
	v := refusedAs(t, out, code, "EXHAUSTED")
	if room, ok := v["room"].(map[string]any); !ok || room["size"] != 100.0 || room["free"] != 46.0 || room["largest_free"] != 46.0 || v["request_id"] != "full" {
		t.Errorf("an exhausted space: %s", out)
	}
	if _, text, code := call("id", "release", "spi", "--request-id", "a", "--owner", "me"); code != 0 {
		t.Fatal(text)
	}
	out, _, code = call("id", "grant", "spi", "--count", "4", "--request-id", "a", "--owner", "me", "-o", "json")
	if v := refusedAs(t, out, code, "GRANT_ENDED"); v["ended"] == nil || v["ended_at"] == nil {
		t.Errorf("a grant that has ended: %s", out)
	}
}

// refusedAs demands one object about a refusal, and returns it.
func refusedAs(t *testing.T, out string, code int, as string) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != cli.ExitRefused || strings.Count(out, "\n") != 1 {
		t.Errorf("%s: exit code %d, %q: %v", as, code, out, err)
		return v
	}
	id, named := v["request_id"]
	if text, _ := v["text"].(string); v["code"] != as || v["space"] == "" || named && id == "" || text == "" {
		t.Errorf("%s: %s", as, out)
	}
	return v
}
