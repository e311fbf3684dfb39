package cli

import (
	"bytes"
	"errors"
	"testing"
)

func TestNoticesAreReadByPeople(t *testing.T) {
	var out bytes.Buffer
	a := &App{Err: &out}
	a.notices().Warn("trying again", "doing", "read t/3", "error", errors.New("connection refused"), "for", "1s", "others", 2)
	a.notices().Info("it goes on again", "after", "31s")
	if want := "spanway: trying again: read t/3: connection refused, for 1s (and 2 more)\nspanway: it goes on again, after 31s\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}

func TestNoticesAreSafeForATerminal(t *testing.T) {
	var out bytes.Buffer
	a := &App{Err: &out}
	a.notices().Warn("trying again", "doing", "read \x1b[31m\n\u202e", "error", errors.New("\xff\r\u009b"))
	if want := "spanway: trying again: read \\x1b[31m\\n\\u202e: \\xff\\r\\u009b\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}
