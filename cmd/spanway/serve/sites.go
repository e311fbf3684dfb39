package serve

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
)

// checkSites refuses what cannot be started before anything is.
func checkSites(cmd *cobra.Command, cfg run.Config) error {
	flags := cmd.Flags()
	switch {
	case flags.Changed("sites") && len(cfg.Sites) == 0:
		return cli.Usage("--sites is empty: name the sites, as in --sites ams,fra")
	case flags.Changed("sites") && flags.Changed("site"):
		return cli.Usage("--site names the only site, and --sites names several: give one of them")
	}
	if err := cfg.Validate(); err != nil {
		return cli.Misuse(err)
	}
	return nil
}

// nameSites writes the configuration file by which --site chooses a site: into the
// data directory, or else into a temporary one, which forget removes.
func nameSites(dir string, sites []run.Site, log *slog.Logger) (forget func(), err error) {
	forget = func() {}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "spanway-dev-"); err != nil {
			return nil, fmt.Errorf("write the configuration of the sites: %w", err)
		}
		forget = func() { _ = os.RemoveAll(dir) }
	}
	var places []cli.Place
	for _, s := range sites {
		places = append(places, cli.Place{Site: s.Site, Kafka: s.Kafka})
	}
	path, err := filepath.Abs(filepath.Join(dir, "config.yaml"))
	if err == nil {
		err = cli.WriteSites(path, places)
	}
	if err != nil {
		forget()
		return nil, err
	}
	log.Info("set SPANWAY_CONFIG to this file, and --site chooses a site", "config", path)
	return forget, nil
}
