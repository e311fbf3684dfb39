package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
)

// A broker of one's own is the advice only where no brokers are named: by no flag, variable or
// file.
func TestAdviceWhereNoBrokerAnswers(t *testing.T) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "SPANWAY_") {
			t.Setenv(name, "")
		}
	}
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	file := filepath.Join(dir, "spanway.yaml")
	if err := os.WriteFile(file, []byte("current-context: lab\nclusters: {lab: {brokers: ['lab:9092']}}\ncontexts: {lab: {cluster: lab}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	away := &client.Unavailable{Err: errors.New("refused")}
	for name, c := range map[string]struct {
		args    []string
		brokers string // the variable
		err     error
		advised bool
	}{
		"nothing is named":    {nil, "", away, true},
		"a flag":              {[]string{"--brokers", "lab:9092"}, "", away, false},
		"a variable":          {nil, "lab:9092", away, false},
		"a file":              {[]string{"--config", file}, "", away, false},
		"a broker refuses":    {nil, "", &client.Unavailable{Err: &cluster.Rejected{}}, false},
		"a topic is missing":  {nil, "", &client.Unavailable{Topic: "t"}, false},
		"it is another error": {nil, "", errors.New("other"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SPANWAY_BROKERS", c.brokers)
			var connection Connection
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			connection.Flags(flags)
			if err := flags.Parse(c.args); err != nil {
				t.Fatal(err)
			}
			target, err := connection.Target(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := target.advice(c.err); strings.Contains(got, `"spanway dev"`) != c.advised {
				t.Errorf("it advises %q", got)
			}
		})
	}
}
