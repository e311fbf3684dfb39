package clockshift

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"
)

// Variable names the file of the offset to a program that [Build] made. Without it the
// program has the system's time.
const Variable = "SPANWAY_CLOCKSHIFT"

// Clock is the offset of the time of day of the processes that were started with its
// Env. Its methods may be called from several goroutines.
type Clock struct {
	path string
	file *os.File
}

// New makes the file at path, with no offset. Close it after the processes have ended.
func New(path string) (*Clock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make the file of a clock's offset: %w", err)
	}
	c := &Clock{path: path, file: file}
	if err := c.Set(0); err != nil {
		_ = file.Close()
		return nil, err
	}
	return c, nil
}

// Env is the variable, as NAME=VALUE, that makes a process use this clock.
func (c *Clock) Env() string { return Variable + "=" + c.path }

// Set makes the time of day of the processes the system's plus offset, from now on and
// for all of them at once. An earlier offset is replaced.
func (c *Clock) Set(offset time.Duration) error {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], uint64(offset))
	// Eight aligned bytes in one write: a reader of the mapped page sees all or none.
	if _, err := c.file.WriteAt(b[:], 0); err != nil {
		return fmt.Errorf("set a clock's offset to %v: %w", offset, err)
	}
	return nil
}

// Close closes the file; the processes keep the last offset.
func (c *Clock) Close() error { return c.file.Close() }
