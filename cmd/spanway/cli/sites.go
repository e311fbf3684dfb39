package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Place is where the Kafka of a site is.
type Place struct{ Site, Kafka string }

const sitesHead = "# Written by spanway dev --sites at each start. A context for each site: --site chooses one.\n"

// WriteSites writes a configuration file with a cluster and a context for each site,
// of which the first is the current one. A file that is there is replaced as a whole.
func WriteSites(path string, sites []Place) error {
	contexts, clusters := map[string]any{}, map[string]any{}
	for _, s := range sites {
		contexts[s.Site] = map[string]string{"cluster": s.Site, "site": s.Site}
		clusters[s.Site] = map[string][]string{"brokers": {s.Kafka}}
	}
	text, err := yaml.Marshal(map[string]any{"current-context": sites[0].Site, "contexts": contexts, "clusters": clusters})
	if err == nil {
		err = replace(path, sitesHead+string(text))
	}
	if err != nil {
		return fmt.Errorf("write the configuration of the sites to %s: %w", path, err)
	}
	return nil
}

// replace writes a file, so that a reader finds the old text or the new one, whole.
func replace(path, text string) error {
	next, err := os.CreateTemp(filepath.Dir(path), ".spanway-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(next.Name()) }() // It is gone if all went well.
	_, err = next.WriteString(text)
	if closing := next.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}

// ofSite is the name of the context of a site. Empty means that no context has a
// site, or that none is asked for: then it is only a name.
func (f *file) ofSite(site string) (context string, err error) {
	sites := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(f.Contexts)) {
		of := f.Contexts[name].Site
		if other := sites[of]; other != "" && of == site && site != "" {
			return "", fmt.Errorf("site %q is that of the contexts %q and %q in the configuration file %s: choose one with --context", site, other, name, f.path)
		}
		if of != "" {
			sites[of] = name
		}
	}
	if sites[site] != "" || site == "" || len(sites) == 0 {
		return sites[site], nil
	}
	return "", fmt.Errorf("site %q is not in the configuration file %s, which has: %s", site, f.path, strings.Join(slices.Sorted(maps.Keys(sites)), ", "))
}
