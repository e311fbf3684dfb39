// Package laws holds the imports of all packages against the walls that
// ARCHITECTURE.md draws, through packages in between, too; .golangci.yml says the
// same of single files.
package laws

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/spanway/spanway/"

// list runs go list in the root of the module; each line of its answer is a package.
func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, out)
	}
	return strings.Fields(strings.ReplaceAll(string(out), module, ""))
}

func under(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

// What other programs import links no service and no core.
func TestNothingInPkgNeedsAService(t *testing.T) {
	for _, p := range list(t, "-deps", "./pkg/...") {
		if under(p, "services", "cmd", "internal/query", "internal/run") {
			t.Errorf("pkg/... needs %s; see go list -deps ./pkg/...", p)
		}
	}
}

// cores are the pure parts of services.
var cores = []string{"services/scheduler/placement", "services/allocator/idspace", "services/replicator/mirror", "services/replicator/selection", "services/replicator/admission"}

// Services talk through topics. Their cores are run by themselves, by what answers
// questions of the command line, by replays and by the simulation.
func TestWhoImportsWhat(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range list(t, "-f", `{{.ImportPath}}:{{join .Imports ","}}`, "./...") {
		from, imports, _ := strings.Cut(line, ":")
		for to := range strings.SplitSeq(imports, ",") {
			seen[to] = true
			if why := broken(from, to); why != "" {
				t.Errorf("%s imports %s: %s", from, to, why)
			}
		}
	}
	for _, p := range append([]string{"internal/query"}, cores...) {
		if !seen[p] {
			t.Errorf("nothing imports %s: this test proves nothing", p)
		}
	}
}

func broken(from, to string) string {
	parts := strings.Split(to, "/")
	switch service := strings.Join(parts[:min(2, len(parts))], "/"); {
	case under(to, cores...) && !under(from, service, "internal/query", "internal/replay", "internal/sim"):
		return "a core is imported by its service, internal/query, internal/replay and internal/sim only"
	case under(to, "services") && under(from, "services") && !under(from, service):
		return "services talk only through topics"
	case under(to, "services") && under(from, "pkg", "examples"):
		return "what others import needs no service"
	case under(to, "internal/query") && !under(from, "cmd"):
		return "internal/query is for the command line"
	}
	return ""
}
