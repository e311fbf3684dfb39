package link

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/replication"
)

// mostBytes of properties are read.
const mostBytes = 4 << 20

// importedView is what import makes, as -o json prints it; the names are stable.
type importedView struct {
	Links []replication.Spec `json:"links"`
	Notes []string           `json:"notes,omitempty"`
}

func importing(a *cli.App) *cobra.Command {
	to := ""
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Make links of a properties file of MirrorMaker 2",
		Long: `Print links of the flows in a properties file of MirrorMaker 2 that lead to one
cluster, as a file for link apply. What has no counterpart, and what is to be
done by hand, is said on standard error. Nothing is declared.`,
		Example: `  spanway link import mm2.properties --to fra > links.yaml
  spanway link apply -f links.yaml --dry-run --site fra`,
		Args: cli.One("properties file of MirrorMaker 2"),
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := a.Open(args[0])
			if err != nil {
				return cli.Misuse(err)
			}
			defer func() { _ = file.Close() }() // It was only read.
			text, err := io.ReadAll(io.LimitReader(file, mostBytes))
			if err != nil {
				return fmt.Errorf("read %s: %w", args[0], err)
			}
			made, err := importMM2(text, to)
			if err != nil {
				return cli.Usage("import %s: %w", args[0], err)
			}
			return printImported(a, importedView{made.links, made.notes})
		},
	}
	c.Flags().StringVar(&to, "to", "", "cluster whose flows become links; needed if there are several targets")
	return c
}

func printImported(a *cli.App, v importedView) error {
	if a.JSON() {
		return a.Object(v)
	}
	for _, note := range v.Notes {
		a.Notef("%s\n", note)
	}
	v.Notes = nil
	text, err := yaml.Marshal(v)
	if err != nil {
		return fmt.Errorf("write links as YAML: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if err := a.Printf("%s\n", strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
	return nil
}
