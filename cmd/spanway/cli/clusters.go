package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/cluster"
)

// Clusters are those of the configuration file, by name.
func (a *App) Clusters() (map[string]cluster.Config, error) {
	path, named := first(a.connection.config, "config", defaultPath())
	f, err := readFile(a.ctx, path, named)
	if err != nil {
		return nil, err
	}
	all := map[string]cluster.Config{}
	for _, name := range slices.Sorted(maps.Keys(f.Clusters)) {
		at := f.Clusters[name]
		if len(at.Brokers) == 0 {
			return nil, fmt.Errorf("cluster %q has no brokers in the configuration file %s: name one or more", name, f.path)
		}
		filed := layer{
			of:    func(s *setting) string { return s.file(&fileContext{}, &at) },
			where: func(s *setting) string { return fmt.Sprintf("%s of cluster %q in %s", s.name, name, f.path) },
		}
		t, err := target(name, []layer{filed, otherwise})
		if err == nil {
			err = halfUser(t.Cluster.SASL)
		}
		if err != nil {
			return nil, err
		}
		all[name] = t.Cluster
	}
	return all, nil
}
