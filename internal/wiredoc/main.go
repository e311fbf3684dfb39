package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	files, err := generate(".")
	for name, text := range files {
		mode := os.FileMode(0o644)
		if filepath.Ext(name) == ".sh" {
			mode = 0o755
		}
		if err == nil {
			err = os.WriteFile(name, text, mode)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wiredoc:", err)
		os.Exit(1)
	}
}

// generate makes the documents of the repository at root, by their path.
func generate(root string) (map[string][]byte, error) {
	types, err := catalogue(root)
	if err != nil {
		return nil, err
	}
	spec, err := asyncAPI(types)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		filepath.Join(root, "docs", "events.md"):         markdown(types),
		filepath.Join(root, "docs", "asyncapi.yaml"):     spec,
		filepath.Join(root, "docs", "topics.md"):         topicsPage(),
		filepath.Join(root, "docs", "metrics.md"):        metricsPage(),
		filepath.Join(root, "deploy", "acls", "acls.sh"): script(),
	}, nil
}
