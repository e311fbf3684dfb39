package bench

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/bench"
)

type valid struct{}

func (valid) Validate() error { return nil }

// A benchmark that is told where to go goes there, by whatever flag it is told.
func TestABenchmarkMeasuresTheClusterThatIsNamed(t *testing.T) {
	for _, flag := range []string{"", "brokers", "cluster", "context"} {
		c := &cobra.Command{Use: "c"}
		for _, name := range []string{"brokers", "cluster", "context"} {
			c.Flags().String(name, "", "")
		}
		own := false
		measuring(c, valid{}, func(_ context.Context, ownBroker bool) error {
			own = ownBroker
			return nil
		})
		args := []string{}
		if flag != "" {
			args = append(args, "--"+flag, "x")
		}
		c.SetArgs(args)
		if err := c.Execute(); err != nil || own != (flag == "") {
			t.Errorf("with %q: its own broker: %v, error %v", flag, own, err)
		}
	}
}

// The benchmark of mirrors starts its own brokers, and says so where others are named.
func TestMirrorsAreMeasuredOnOwnBrokersOnly(t *testing.T) {
	program, config := clitest.Program{Command}, filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("clusters:\n  ams: {brokers: ['127.0.0.1:1']}\ncontexts:\n  ams: {cluster: ams, site: ams}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--brokers=127.0.0.1:1", "--cluster=ams", "--context=ams"} {
		stdout, stderr, code := program.Call(t.Context(), "", "bench", "mirror", flag, "--records", "1", "--config", config)
		if code != cli.ExitUsage || stdout != "" || !strings.Contains(stderr, "bench mirror starts two brokers of its own") {
			t.Errorf("%s: it ends with %d, and says %s%s", flag, code, stdout, stderr)
		}
	}
}

// The benchmark of mirrors says whether topics are found as fast as they are to be.
func TestHowFastTopicsAreFoundIsJudged(t *testing.T) {
	for most, want := range map[float64]string{541: "at most 541 ms, within the goal of 1000 ms", 1201: "at most 1201 ms, beyond the goal of 1000 ms"} {
		var out strings.Builder
		if err := printMirror(cli.NewApp(cli.Streams{Out: &out, Err: io.Discard}), &bench.MirrorResult{FoundP50: 504, FoundMax: most}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}
