package id

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// Every verb asks first whether a broker answers, and says in one way, equally soon, that none
// does.
func TestNoBroker(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"list"}, {"show", "spi"}, {"show", "spi/7"}, {"watch", "spi"}, {"create", "spi", "--to", "9"}, {"grow", "spi", "--to", "9"},
		{"grant", "spi"}, {"reserve", "spi", "--from", "7"}, {"delete", "spi"},
		{"renew", "spi", "--request-id", "a", "--lease", "1h"}, {"release", "spi", "--request-id", "a"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			out, text, code := program.Call(t.Context(), "", append(append([]string{"id"}, args...), "--brokers", "127.0.0.1:1")...)
			if code != cli.ExitUnavailable || out != "" || !strings.Contains(text, "\nspanway: no broker answers at 127.0.0.1:1 (") {
				t.Errorf("exit code %d: %s%s", code, out, text)
			}
		})
	}
}
