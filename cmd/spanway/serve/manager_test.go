package serve

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/cluster"
)

// A global manager reaches its own site without a file; what the file says goes before.
func TestTheOwnSiteIsReached(t *testing.T) {
	own, file := cluster.Config{Brokers: []string{"own:1"}}, cluster.Config{Brokers: []string{"file:1"}}
	for name, c := range map[string]struct {
		sites map[string]cluster.Config
		want  string
	}{
		"no file":                {nil, "own:1"},
		"a file of others":       {map[string]cluster.Config{"fra": file}, "own:1"},
		"a file that has it too": {map[string]cluster.Config{"ams": file}, "file:1"},
	} {
		all := withOwn(c.sites, "ams", own)
		if got := all["ams"].Brokers; len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: ams is at %v, want %s", name, got, c.want)
		}
		if _, err := connect(all, slog.New(slog.DiscardHandler))("sin"); err == nil || !strings.Contains(err.Error(), "site sin is not among") {
			t.Errorf("%s: sin: %v", name, err)
		}
	}
}
