package run

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spanway/spanway/internal/embedded"
)

// checkLayout refuses a data directory that was laid out in the other way: the
// system would begin with nothing, beside data that it does not look at.
func (c Config) checkLayout() error {
	if c.DataDir == "" {
		return nil
	}
	if len(c.Sites) > 0 {
		if embedded.Holds(c.DataDir) {
			return fmt.Errorf("%s holds the data of one cluster: start it without --sites, or choose another directory for the sites", c.DataDir)
		}
		return nil
	}
	if found := sitesIn(c.DataDir); len(found) > 0 && !embedded.Holds(c.DataDir) {
		names := strings.Join(found, ",")
		return fmt.Errorf("%s holds the data of the sites %s: start it with --sites %s, or choose another directory", c.DataDir, names, names)
	}
	return nil
}

// sitesIn names the sites that have data in dir.
func sitesIn(dir string) []string {
	entries, _ := os.ReadDir(dir) // What cannot be read, the broker will say.
	var out []string
	for _, e := range entries {
		if e.IsDir() && siteName.MatchString(e.Name()) && embedded.Holds(filepath.Join(dir, e.Name())) {
			out = append(out, e.Name())
		}
	}
	return out
}
