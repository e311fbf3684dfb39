package bench

import (
	"context"
	"testing"

	"github.com/spf13/cobra"
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
