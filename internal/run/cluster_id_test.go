package run

import (
	"log/slog"
	"testing"
)

// Two systems are two clusters, with and without sites.
func TestClustersHaveIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{Site: "local"}, {Sites: []string{"ams"}}} {
		c.Logger = slog.New(slog.DiscardHandler)
		if a, b := c.sites()[0].kept.ClusterID, c.sites()[0].kept.ClusterID; a == "" || a == b {
			t.Errorf("the clusters of %q and %q are %q and %q", c.Site, c.Sites, a, b)
		}
	}
}
