package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
)

var (
	// watchEvery is how often the data directory is looked at.
	watchEvery = time.Second
	// reserve is the room, in bytes, that must be left on the data directory's disk: a
	// broker that closes writes where everything is, and who belonged to which group.
	reserve uint64 = 4 << 20
)

// watch looks at the data directory until ctx ends or the gate shuts: a disk that
// fills up is noticed before a write fails, and one that is gone or read-only is
// noticed although files that are open can still be written.
func (g *gate) watch(ctx context.Context, lock *os.File) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := usable(ctx, g.dir, lock); err != nil && ctx.Err() == nil {
				g.fail(err)
			}
		case <-g.failed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// usable tells what keeps a broker from writing to its data directory, without
// writing to it.
func usable(ctx context.Context, dir string, lock *os.File) error {
	if err := sameFile(filepath.Join(dir, lockName), lock); err != nil {
		return err
	}
	for _, d := range []string{dir, filepath.Join(dir, "partitions")} {
		if err := writable(d); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("create files in %s: %w", d, err)
		}
	}
	room, err := disk.UsageWithContext(ctx, dir)
	switch {
	case err != nil:
		return fmt.Errorf("ask how much room is left in %s: %w", dir, err)
	case room.Free < reserve:
		return fmt.Errorf("only %d bytes are left of its disk, at least %d are needed", room.Free, reserve)
	}
	return nil
}

// sameFile tells whether a file that is open is still the one of that name: files of a
// directory that was removed can be written, and nobody finds them again.
func sameFile(name string, open *os.File) error {
	if open == nil {
		return nil
	}
	there, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("look for the broker's lock: %w", err)
	}
	if is, err := open.Stat(); err != nil || !os.SameFile(there, is) {
		return fmt.Errorf("%s is another file than the one that this broker locked: the directory was replaced", name)
	}
	return nil
}
