//go:build unix

package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// lock takes the data directory for this process, because two brokers on one
// would mix their records. The system gives it back when the process ends,
// however it ends.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("data directory %s is in use by another broker; stop it or choose another directory: %w", dir, err)
	}
	return f, nil
}

// writable tells whether files can be made in a directory: rights, and whether its
// file system is read-only.
func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
