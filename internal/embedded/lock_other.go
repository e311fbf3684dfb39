//go:build !unix

package embedded

import "os"

// lock does nothing where the system has no flock: there a second broker on
// the same directory is not noticed.
func lock(string) (*os.File, error) { return nil, nil }

// writable is not known before a write fails.
func writable(string) error { return nil }
