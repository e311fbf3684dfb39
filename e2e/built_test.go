package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// builds are binaries with tags, each built once, beside the one without.
var builds struct {
	mu     sync.Mutex
	byTags map[string]func() (path string, err error)
}

// builtWith builds spanway with tags.
func builtWith(t *testing.T, tags string) (path string) {
	t.Helper()
	builds.mu.Lock()
	build := builds.byTags[tags]
	if build == nil {
		if builds.byTags == nil {
			builds.byTags = map[string]func() (string, error){}
		}
		build = sync.OnceValues(func() (string, error) {
			path := filepath.Join(filepath.Dir(binary), fmt.Sprintf("spanway-%s-%d", strings.ReplaceAll(tags, ",", "-"), os.Getpid()))
			out, err := exec.Command("go", "build", "-tags", tags, "-o", path, "../cmd/spanway").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, out)
			}
			return path, err
		})
		builds.byTags[tags] = build
	}
	builds.mu.Unlock()
	path, err := build()
	if err != nil {
		t.Fatalf("build with %s: %v", tags, err)
	}
	return path
}
