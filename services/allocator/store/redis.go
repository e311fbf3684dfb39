package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"github.com/spanway/spanway/internal/telemetry/trouble"
)

const (
	// maxTries bounds how often one change is tried while others change the space, and
	// maxFailures how often while Redis does not answer as it should.
	maxTries    = 64
	maxFailures = 3
	// A pause after a conflict is random, below a bound that doubles from the first to
	// the last.
	firstPause, lastPause = time.Millisecond, 64 * time.Millisecond
	// failuresInRow open the circuit.
	failuresInRow = 5
)

// Redis is a Store in Redis.
type Redis struct {
	*Store
	client redis.UniversalClient
}

// Open makes a store in Redis; it connects on first use.
func Open(c Config) (*Redis, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.setDefaults()
	m, err := newMetrics(c.Meter)
	if err != nil {
		return nil, fmt.Errorf("open the store: register metrics: %w", err)
	}
	client := redis.NewUniversalClient(c.options())
	m.observed(client, c)
	t := &hashes{client: client, cluster: c.isCluster(), prefix: c.Prefix, metrics: m}
	t.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      c.Pause,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= failuresInRow },
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, redis.TxFailedErr) },
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			m.open(to != gobreaker.StateClosed)
		},
	})
	return &Redis{&Store{table: t, metrics: m}, client}, nil
}

// hashes is the table in Redis.
type hashes struct {
	client  redis.UniversalClient
	cluster bool
	prefix  string
	circuit *gobreaker.CircuitBreaker[struct{}]
	last    atomic.Pointer[error] // why it failed last
	metrics *metrics
}

// key is that of a space. It is tagged, so that whatever is stored of a space ever is in
// one slot of a cluster.
func (h *hashes) key(space string) string { return h.prefix + "ids.{" + space + "}" }

// update makes a change by WATCH, MULTI and EXEC. Only TxFailedErr says that nothing was
// changed. After any other error the outcome is unknown: what comes next begins by
// reading, request IDs too.
func (h *hashes) update(ctx context.Context, space string, fields []string, f func(map[string]string) (want map[string]string, gone []string)) error {
	began := time.Now()
	conflicts, failures := 0, 0
	for {
		err := h.guarded(func() error { return h.try(ctx, h.key(space), fields, f) })
		switch {
		case err == nil:
			h.metrics.changed(ctx, time.Since(began))
			return nil
		case errors.Is(err, redis.TxFailedErr):
			h.metrics.conflict(ctx)
			if conflicts++; conflicts == maxTries {
				h.metrics.budgetExhausted(ctx)
				return &Contended{Tries: conflicts}
			}
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			if errors.As(err, new(*left)) { // Redis was not asked.
				return &Unavailable{Err: err}
			}
			h.metrics.failed(ctx, reason(err))
			if failures++; failures == maxFailures {
				return &Unavailable{Err: err}
			}
		}
		bound := min(lastPause, firstPause<<min(conflicts+failures-1, 10))
		if !trouble.Pause(ctx, rand.N(bound)) {
			return ctx.Err()
		}
	}
}

// try makes a change once. Nothing but f's result leaves the function that WATCH guards:
// in a cluster it runs again when the space has moved. What is no hash is as if it were
// not there, and is replaced when there is something to write: the log knows better.
func (h *hashes) try(ctx context.Context, key string, fields []string, f func(map[string]string) (want map[string]string, gone []string)) error {
	h.metrics.tried(ctx)
	done := false
	err := h.watch(ctx, key, fields, func(tx *redis.Tx, have map[string]string, err error) (ended bool, _ error) {
		foreign := redis.HasErrorPrefix(err, "WRONGTYPE")
		if err != nil && !foreign {
			return false, err
		}
		want, gone := f(have)
		set, deleted := change(have, want, gone)
		if len(set) == 0 && len(deleted) == 0 {
			done = true
			return false, nil
		}
		ended, err = write(ctx, tx, key, foreign, set, deleted)
		if foreign && err == nil {
			h.metrics.replaced(ctx)
		}
		done = err == nil
		return ended, err
	})
	if err == nil && !done { // The client ran out of redirections, and says nothing of it.
		return errMoving
	}
	return err
}

// watch gives do what the watched key holds, on a connection of its own. do says whether
// the watch has ended, by EXEC. WATCH and what reads are sent together: Redis does one
// after the other all the same. A cluster's client must see how WATCH is redirected, so
// there it goes first.
func (h *hashes) watch(ctx context.Context, key string, fields []string, do func(tx *redis.Tx, have map[string]string, err error) (ended bool, _ error)) error {
	if h.cluster {
		return h.client.Watch(ctx, func(tx *redis.Tx) error {
			have := read(ctx, tx, key, fields)
			all, err := have()
			_, err = do(tx, all, err)
			return err
		}, key)
	}
	return h.client.Watch(ctx, func(tx *redis.Tx) error {
		var watching *redis.StatusCmd
		var have func() (map[string]string, error)
		_, failed := tx.Pipelined(ctx, func(p redis.Pipeliner) error {
			watching = redis.NewStatusCmd(ctx, "watch", key)
			_ = p.Process(ctx, watching)
			have = read(ctx, p, key, fields)
			return nil
		})
		// Without a connection neither says so. What reads may fail behind a WATCH that does not.
		all, err := have()
		err = cmp.Or(watching.Err(), err, failed)
		ended, err := do(tx, all, err)
		if !ended && watching.Val() != "" { // The client knows of no WATCH, and uses the connection again.
			_ = tx.Unwatch(context.WithoutCancel(ctx)).Err()
		}
		return err
	})
}

// write writes fields by MULTI and EXEC; foreign says that the key holds no hash. ended
// says that EXEC was made, whatever came of it.
func write(ctx context.Context, tx *redis.Tx, key string, foreign bool, set map[string]string, deleted []string) (ended bool, _ error) {
	var commands []*queued
	if foreign {
		commands = append(commands, queue(ctx, "del", key))
	}
	if len(set) > 0 {
		args := make([]any, 2, 2+2*len(set))
		args[0], args[1] = "hset", key
		for field, value := range set {
			args = append(args, field, value)
		}
		commands = append(commands, queue(ctx, args...))
	}
	if len(deleted) > 0 {
		args := make([]any, 2, 2+len(deleted))
		args[0], args[1] = "hdel", key
		for _, field := range deleted {
			args = append(args, field)
		}
		commands = append(commands, queue(ctx, args...))
	}
	_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for _, c := range commands {
			if err := p.Process(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if redis.IsExecAbortError(err) {
		for _, c := range commands {
			if c.refused != nil {
				return true, c.refused
			}
		}
		return true, err
	}
	return err == nil || errors.Is(err, redis.TxFailedErr), err
}

// queued is a command of a transaction. Of one that Redis would not queue it keeps why:
// EXEC says only that something was refused.
type queued struct {
	*redis.IntCmd
	refused error
}

func queue(ctx context.Context, args ...any) *queued {
	return &queued{IntCmd: redis.NewIntCmd(ctx, args...)}
}

// SetErr implements redis.Cmder.
func (q *queued) SetErr(err error) {
	if q.refused == nil {
		q.refused = err
	}
	q.IntCmd.SetErr(err)
}

// read asks for fields of a hash; all if fields is nil. What it returns says what came.
func read(ctx context.Context, c redis.Cmdable, key string, fields []string) func() (map[string]string, error) {
	if fields == nil {
		return c.HGetAll(ctx, key).Result
	}
	asked := c.HMGet(ctx, key, fields...)
	return func() (map[string]string, error) {
		values, err := asked.Result()
		if err != nil {
			return nil, err
		}
		have := make(map[string]string, len(fields))
		for i, value := range values {
			if text, ok := value.(string); ok {
				have[fields[i]] = text
			}
		}
		return have, nil
	}
}

func (h *hashes) forget(ctx context.Context, space string) error {
	err := h.guarded(func() error { return h.client.Del(ctx, h.key(space)).Err() })
	if err != nil && ctx.Err() == nil {
		return &Unavailable{Err: err}
	}
	return err
}

func (h *hashes) close() error { return h.client.Close() }

// guarded calls f unless the circuit is open.
func (h *hashes) guarded(f func() error) error {
	_, err := h.circuit.Execute(func() (struct{}, error) {
		err := f()
		if err != nil && !errors.Is(err, redis.TxFailedErr) && !errors.Is(err, context.Canceled) {
			h.last.Store(&err)
		}
		return struct{}{}, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		if last := h.last.Load(); last != nil {
			err = *last
		}
		return &left{last: err}
	}
	return err
}
