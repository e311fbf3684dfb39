package command

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPayloadAndBack(t *testing.T) {
	want := Spec{Command: []string{"cat", "-"}, Env: map[string]string{"A": "b=c"}, Dir: "/tmp", Stdin: "hello"}
	b, err := want.Payload()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(b)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"A=b=c", "PATH=/bin"}, got.Environ("/bin")); diff != "" {
		t.Error(diff)
	}
	own := Spec{Env: map[string]string{"PATH": "/mine"}}
	if diff := cmp.Diff([]string{"PATH=/mine"}, own.Environ("/bin")); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for payload, want := range map[string]string{
		``:                                   "EOF",
		`{"command":[]}`:                     "empty",
		`{"command":[""]}`:                   "empty",
		`{"command":"true"}`:                 "command",
		`{"command":["true"],"shell":true}`:  "shell",
		`{"command":["true"]} {}`:            "one object",
		`{"command":["a\u0000"]}`:            "zero byte",
		`{"command":["a"],"env":{"a=b":""}}`: "without =",
		`{"command":["a"],"dir":"\u0000"}`:   "zero byte",
	} {
		if _, err := Parse([]byte(payload)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to contain %q", payload, err, want)
		}
	}
}
