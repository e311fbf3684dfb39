package queue

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/porttest"
)

// That no broker answers is one text, whatever the verb.
func TestNoBrokerAnswers(t *testing.T) {
	gone := porttest.Addr(t)
	said := map[string]bool{}
	for _, args := range []string{"list q", "show q", "create q"} {
		out, text, code := program.Call(t.Context(), "x", append(strings.Fields("queue "+args), "--brokers", gone, "--dial-timeout", "300ms")...)
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n") // What is tried again is told before the last.
		text = lines[len(lines)-1]
		if code != cli.ExitUnavailable || out != "" || !strings.HasPrefix(text, "spanway: no broker answers at ") {
			t.Errorf("%s: exit code %d, %s%s", args, code, out, text)
		}
		said[text] = true
	}
	if len(said) != 1 {
		t.Errorf("it is said in %d ways: %v", len(said), said)
	}
}

// A command waits for a broker for as long as it is told to.
func TestTheWaitForABrokerIsTheDialTimeout(t *testing.T) {
	t.Parallel()
	const long = 3500 * time.Millisecond // longer than if nothing is said
	began := time.Now()
	_, text, code := program.Call(t.Context(), "", "queue", "list", "--brokers", porttest.Addr(t), "--dial-timeout", long.String())
	if took := time.Since(began); code != cli.ExitUnavailable || took < long {
		t.Errorf("exit code %d after %v: %s", code, took, text)
	}
}
