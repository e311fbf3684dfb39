package links

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// stateVersion is that of the form of a snapshot: the byte, and behind it JSON. In those of
// version 1 links do not say when they were declared, nor whether there is a link back.
const (
	stateVersion = 2
	firstVersion = 1
)

// state is what a snapshot holds.
type state struct {
	Links    []Link  `json:"links"`
	Groups   []Group `json:"groups"`
	Restarts int64   `json:"restarts"`
}

// Snapshot implements sharedlog.Core.
func (c *Core) Snapshot(dst []byte) []byte {
	return c.snapshot(dst, stateVersion)
}

func (c *Core) snapshot(dst []byte, version byte) []byte {
	b, _ := json.Marshal(state{c.Links(), c.Groups(), c.restarts}) // Texts and numbers: always possible.
	return append(append(dst, version), b...)
}

// Restore implements sharedlog.Core. An error leaves the core as it was.
func (c *Core) Restore(from []byte) error {
	switch {
	case len(from) == 0:
		return errorOf("it is empty")
	case from[0] < firstVersion || from[0] > stateVersion:
		return &newerError{uint32(from[0])}
	}
	var s state
	if err := json.Unmarshal(from[1:], &s); err != nil {
		return errorOf("%w", err)
	}
	fresh := New()
	fresh.restarts = s.Restarts
	for _, l := range s.Links {
		if err := l.check(); err != nil {
			return errorOf("the link %.99q: %w", l.Name, err)
		}
		fresh.links[l.Name] = l
	}
	for _, g := range s.Groups {
		if err := g.Check(); err != nil {
			return errorOf("the group %.99q: %w", g.Name, err)
		}
		fresh.groups[g.Name] = g
	}
	// Names that come twice, another order, other spaces: no state of this package.
	if !bytes.Equal(fresh.snapshot(nil, from[0]), from) || !fresh.sound() {
		return errorOf("it is not as it is written")
	}
	*c = *fresh
	return nil
}

// sound tells whether calls can have led to the state.
func (c *Core) sound() bool {
	ok := c.restarts >= 0 && c.restarts <= maxRestarts && len(c.links) <= MaxLinks && len(c.groups) <= MaxGroups
	for _, l := range c.links {
		ok = ok && len(l.Resumed) <= MaxResumed && l.Since > 0 && l.Revision >= l.Since && l.FailOvers >= 0 && (!l.FailedOver || l.Paused && l.FailOvers > 0) && (!l.NoLinkBack || l.FailedOver) && slices.IsSortedFunc(l.Resumed, byPartition)
		for _, r := range l.Resumed {
			ok = ok && r.Partition >= every && r.From >= 0 && r.Tolerate >= 0
		}
	}
	return ok
}

func errorOf(format string, args ...any) error {
	return fmt.Errorf("restore the links: "+format, args...)
}

// newerError says that a state is of a version which this binary does not know.
type newerError struct{ version uint32 }

func (e *newerError) Error() string {
	return fmt.Sprintf("restore the links: the state has version %d; this binary knows %d", e.version, stateVersion)
}

// NewerVersion is how package eventlog recognises the error.
func (e *newerError) NewerVersion() (version, known uint32) { return e.version, stateVersion }
