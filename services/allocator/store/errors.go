package store

import (
	"errors"
	"fmt"
)

// ErrUnknown says that Redis holds nothing of a space, or nothing that can be read.
var ErrUnknown = errors.New("the store holds nothing of it")

// Contended says that a change met others each time it was tried.
type Contended struct {
	// Tries is how often.
	Tries int
}

func (c *Contended) Error() string {
	return fmt.Sprintf("others changed the space each of %d times; try again, or run fewer allocators", c.Tries)
}

// Unavailable says that Redis cannot be reached, or refuses what it was told. The change
// may have been made.
type Unavailable struct{ Err error }

func (u *Unavailable) Error() string {
	return fmt.Sprintf("the store is unavailable: %v", u.Err)
}

func (u *Unavailable) Unwrap() error { return u.Err }
