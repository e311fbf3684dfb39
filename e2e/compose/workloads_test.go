package compose

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workload is what is read here of a manifest; deploy/kubernetes/check reads all of it.
type workload struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct{ Args []string }
			}
		}
	}
}

// Each kind of service of docker-compose.yml has a workload in deploy/kubernetes, one that
// comes later, too. That they are alike is looked at there.
func TestEveryKindOfServiceHasAWorkload(t *testing.T) {
	names, err := filepath.Glob("../../deploy/kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var does [][]string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for documents := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var w workload
			if err := documents.Decode(&w); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(name, err)
			}
			for _, c := range w.Spec.Template.Spec.Containers {
				does = append(does, c.Args)
			}
		}
	}
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	served := 0
	for name, s := range stack.Services {
		if len(s.Command) == 0 || s.Command[0] != "serve" {
			continue
		}
		served++
		if !slices.ContainsFunc(does, func(args []string) bool { return slices.Equal(args, s.Command) }) {
			t.Errorf("deploy/kubernetes has no workload that does what %s does: %v", name, s.Command)
		}
	}
	if served < len(does) || len(does) < 5 {
		t.Errorf("docker-compose.yml serves %d times, deploy/kubernetes has %d workloads", served, len(does))
	}
}
