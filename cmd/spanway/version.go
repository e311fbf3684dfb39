package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// version is set by the linker for releases.
var version = ""

func versionCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cli.None,
		RunE: func(*cobra.Command, []string) error {
			v, revision := built()
			if a.JSON() {
				return a.Object(struct {
					Version  string `json:"version"`
					Revision string `json:"revision,omitempty"`
					Go       string `json:"go"`
				}{v, revision, runtime.Version()})
			}
			return a.Printf("spanway %s %s %s\n", v, revision, runtime.Version())
		},
	}
}

// built says which version this is, and the commit that it was built from.
func built() (v, revision string) {
	v, revision = version, "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v, revision
	}
	if v == "" {
		v = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			revision = s.Value[:12]
		}
	}
	return v, revision
}
