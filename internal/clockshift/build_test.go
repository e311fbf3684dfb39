//go:build clocks

package clockshift_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/clockshift"
)

// A program's time of day follows the file at once, both ways, and its monotonic clock
// does not.
func TestTimeOfDayJumpsAndMonotonicTimeDoesNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "tell")
	if err := clockshift.Build(t.Context(), binary, "./testdata/tell"); err != nil {
		t.Fatal(err)
	}
	clock, err := clockshift.New(filepath.Join(dir, "clock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = clock.Close() }()
	tell := startTell(t, binary, clock)
	// Within slack of each other, on a busy machine; the jumps are far larger.
	const slack = 5 * time.Minute
	var last time.Duration
	for _, offset := range []time.Duration{
		0, time.Hour, -time.Hour, -24*time.Hour - time.Nanosecond, 24*time.Hour + 999_999_999, 0,
	} {
		if err := clock.Set(offset); err != nil {
			t.Fatal(err)
		}
		wall, mono := tell()
		if off := time.Until(wall) - offset; off.Abs() > slack {
			t.Errorf("offset %v: the time of day is off by %v", offset, off)
		}
		if mono < last || mono-last > slack {
			t.Errorf("offset %v: monotonic time went from %v to %v", offset, last, mono)
		}
		last = mono
	}
}

// startTell starts the program and returns a function that asks it for its clocks.
func startTell(t *testing.T, binary string, clock *clockshift.Clock) func() (time.Time, time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), clock.Env())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return func() (time.Time, time.Duration) {
		t.Helper()
		var wall, mono int64
		if _, err := io.WriteString(in, "\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscanln(out, &wall, &mono); err != nil {
			t.Fatal(err)
		}
		return time.Unix(0, wall), time.Duration(mono)
	}
}
