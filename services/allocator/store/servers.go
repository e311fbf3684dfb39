package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a Redis that is written to, as it describes itself.
type Server struct {
	Address string
	// Info is what INFO says, by name; Err is why it does not.
	Info map[string]string
	Err  error
	// Ahead is how far its clock is ahead of this host's, by TIME; ClockErr is why that is not
	// known. An allocator's user need not have the right to it.
	Ahead    time.Duration
	ClockErr error
	// AppendFsync is that setting, empty if it is not told; FsyncErr is why not. An allocator's
	// user need not have the right to it.
	AppendFsync string
	FsyncErr    error
}

// Servers describes each server that is written to, by address. The error, a *Unavailable,
// says that Redis cannot be reached.
func (r *Redis) Servers(ctx context.Context) (servers []Server, err error) {
	var mu sync.Mutex
	err = masters(ctx, r.client, func(ctx context.Context, c *redis.Client) error {
		s := Server{Address: c.Options().Addr}
		asked := time.Now()
		at, err := c.Time(ctx).Result()
		switch {
		case redis.HasErrorPrefix(err, "NOPERM"):
			s.ClockErr = err
		case err != nil:
			return err
		default:
			s.Ahead = at.Sub(asked.Add(time.Since(asked) / 2))
		}
		info, err := c.Info(ctx).Result()
		s.Info, s.Err = lines(info), err
		told, err := c.ConfigGet(ctx, "appendfsync").Result()
		s.AppendFsync, s.FsyncErr = told["appendfsync"], err
		mu.Lock()
		defer mu.Unlock()
		servers = append(servers, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe Redis: %w", &Unavailable{Err: err})
	}
	slices.SortFunc(servers, func(a, b Server) int { return cmp.Compare(a.Address, b.Address) })
	return servers, nil
}

// lines are those of INFO, by name.
func lines(info string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}
