package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
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
	return fmt.Sprintf("the store is unavailable%s: %v", remedies[reason(u.Err)], u.Err)
}

func (u *Unavailable) Unwrap() error { return u.Err }

// errMoving says that no node of a cluster would have the key: its slot is on its way from
// one to another.
var errMoving = errors.New("the nodes of the cluster send each other its slot")

// left says that Redis is left alone for a moment, because it failed so often.
type left struct{ last error }

func (l *left) Error() string {
	return fmt.Sprintf("it failed %d times in a row and is left alone for a moment; the last time: %v", failuresInRow, l.last)
}

func (l *left) Unwrap() error { return l.last }

// remedies say what to do, by reason.
var remedies = map[string]string{
	"OOM":         " (Redis has no memory left: raise maxmemory, or delete what is not of allocators)",
	"READONLY":    " (this Redis is a replica: name the master, or its Sentinels)",
	"DENIED":      " (Redis is in protected mode, and talks to its own machine only: set a password for it, and give --redis-password-file)",
	"LOADING":     " (Redis loads what it has on disk, and answers when it has done so)",
	"MASTERDOWN":  " (this Redis is a replica that has lost its master: name the master, or its Sentinels)",
	"CLUSTERDOWN": " (a part of the cluster's slots is served by no node: see CLUSTER INFO)",
	"MISCONF":     " (Redis cannot write to its disk, and changes nothing until it can: make room, and see its log)",
	"NOPERM":      " (the ACL user lacks a right: docs/operations.md has those that an allocator needs)",
	"NOAUTH":      " (Redis demands a password: give --redis-password-file)",
	"WRONGPASS":   " (Redis refuses the user or the password: check --redis-username and what is in --redis-password-file)",
}

// reason is why Redis does not do what it is told: the first word of its answer, such as
// OOM, TIMEOUT if it gave none, MOVING, else
// UNREACHABLE.
func reason(err error) string {
	var said redis.Error
	var last *hungUp
	var slow net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errMoving):
		return "MOVING"
	case errors.As(err, &last):
		return firstWord(last.said)
	case errors.As(err, &said):
		return firstWord(strings.TrimPrefix(said.Error(), "EXECABORT "))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout(), errors.Is(err, redis.ErrPoolTimeout):
		return "TIMEOUT"
	}
	return "UNREACHABLE"
}

// firstWord is that of an answer, by which Redis tells its errors apart.
func firstWord(answer string) string {
	word, _, _ := strings.Cut(answer, " ")
	if word = strings.TrimSuffix(word, ":"); word == "" || word != strings.ToUpper(word) || len(word) > 32 {
		return "ERR"
	}
	return word
}
