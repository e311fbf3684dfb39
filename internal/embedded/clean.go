package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	lockName = ".spanway.lock"
	// openName is a file that is there while a broker runs, and after one that did not
	// close its directory as it should.
	openName = ".spanway.open"
)

// begin notes that a broker runs on dir. After a crash, or a write that failed, what
// kfake remembers of producers may be older or newer than their records: a batch that
// was not written would count as one that is sent again. So it is forgotten.
func begin(dir string) error {
	open := filepath.Join(dir, openName)
	if _, err := os.Stat(open); err == nil {
		err := os.Remove(filepath.Join(dir, "seq_windows.json"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the producers of a broker that did not close: %w", err)
		}
		return nil
	}
	if err := os.WriteFile(open, nil, 0o644); err != nil {
		return fmt.Errorf("note that a broker runs on the data directory: %w", err)
	}
	return nil
}

// ended notes that everything is written.
func ended(dir string) { _ = os.Remove(filepath.Join(dir, openName)) } // If it stays, that is safe.
