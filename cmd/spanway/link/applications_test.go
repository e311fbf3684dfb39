package link

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Applications that have announced themselves are listed, what announces nothing is named, and one
// that has announced nothing is not withdrawn in silence.
func TestAnnouncementsAreListed(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, config)
	call := func(want int, line string) string {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--config", config, "--brokers", b.Addr())...)
		if code != want {
			t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
		}
		return stdout + stderr
	}
	holds := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("it does not say %q:\n%s", part, text)
			}
		}
	}
	holds(call(cli.ExitDone, "link applications"), "APPLICATION")
	holds(call(cli.ExitRefused, "link withdraw shop"), "UNKNOWN_APPLICATION", "spanway link applications")
	call(cli.ExitDone, "link announce shop --topic orders --topic payments --site-name fra")
	call(cli.ExitDone, "link announce bank --topic bills --model routed")
	c, err := cluster.Open(cluster.Config{Brokers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	topic := events.Topics{Prefix: events.DefaultPrefix}.ReplicationApplications()
	if _, err := c.Partition(topic, 0).Append(t.Context(), []events.Record{{Key: []byte("junk"), Value: []byte("junk")}}); err != nil {
		t.Fatal(err)
	}
	holds(call(cli.ExitDone, "link applications"), "bank         routed by sites  all    bills", "shop         topic            fra    orders payments", topic+"/0@2 announces nothing: its key is \"junk\"")
	holds(call(cli.ExitDone, "link applications -o json"), `{"application":"shop","topics":["orders","payments"],"model":"topic","sites":["fra"]}`)
	call(cli.ExitDone, "link withdraw junk") // It takes away what announces nothing, too.
	call(cli.ExitDone, "link withdraw shop")
	holds(call(cli.ExitRefused, "link withdraw shop -o json"), `"code":"UNKNOWN_APPLICATION"`)
}
