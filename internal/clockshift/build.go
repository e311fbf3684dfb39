package clockshift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "embed"
)

// The line of time.Now that reads the clocks, and what it becomes.
const (
	readsClocks = "\tsec, nsec, mono := runtimeNow()\n"
	readsShift  = "\tsec, nsec, mono := shiftedNow()\n"
)

// shift is the file that the overlay adds to package time.
//
//go:embed shift.go.txt
var shift []byte

// Build compiles the main package pkg (as `go build` names it, from the current
// directory) into the file binary, with a clock that can be shifted. flags are further
// flags of `go build`. It fails if this version of Go has another time.Now than the
// ones this package knows.
func Build(ctx context.Context, binary, pkg string, flags ...string) error {
	dir, err := os.MkdirTemp("", "clockshift-")
	if err != nil {
		return fmt.Errorf("make a directory for the overlay: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := writeOverlay(ctx, dir)
	if err != nil {
		return err
	}
	// -trimpath keeps the directory's random name out of the build cache's keys.
	args := append([]string{"build", "-trimpath", "-overlay", overlay, "-o", binary}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s with a shifted clock: %w\n%s", pkg, err, out)
	}
	return nil
}

// writeOverlay writes the changed files of package time, and the list of them, into dir.
func writeOverlay(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find Go's own source (go env GOROOT): %w", err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	original, err := os.ReadFile(filepath.Join(src, "time.go"))
	if err != nil {
		return "", fmt.Errorf("read the source of package time: %w", err)
	}
	if strings.Count(string(original), readsClocks) != 1 {
		return "", errors.New("time.Now of this version of Go reads its clocks in another way: adapt internal/clockshift")
	}
	changed := strings.Replace(string(original), readsClocks, readsShift, 1)
	files := map[string][]byte{"time.go": []byte(changed), "zclockshift.go": shift}
	replace := map[string]string{}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", fmt.Errorf("write the overlay: %w", err)
		}
		replace[filepath.Join(src, name)] = path
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}
