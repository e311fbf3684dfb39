package bench

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// watchLoop grants ranges as a program without an allocator does: by WATCH, GET, MULTI, SET
// and EXEC of one number, for each grant, again at once when another caller was first. It
// remembers no request, so a lost answer of EXEC loses its range.
type watchLoop struct {
	client *redis.Client
	key    string
	cfg    IDsConfig
}

func newWatchLoop(addr, key string, cfg IDsConfig) *watchLoop {
	return &watchLoop{key: key, cfg: cfg, client: redis.NewClient(&redis.Options{
		Addr: addr, ClientName: "spanway-bench", DisableIdentity: true, MaxRetries: -1, PoolSize: cfg.Callers,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}
}

// run has callers grant for a while.
func (w *watchLoop) run(ctx context.Context, callers int) (loaded, error) {
	return load(ctx, callers, w.cfg.Duration, func(ctx context.Context, _ int) error { return w.grant(ctx) })
}

func (w *watchLoop) grant(ctx context.Context) error {
	for {
		err := w.client.Watch(ctx, func(tx *redis.Tx) error {
			next, err := tx.Get(ctx, w.key).Int64()
			if err != nil && !errors.Is(err, redis.Nil) {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				return p.Set(ctx, w.key, next+int64(w.cfg.Count), 0).Err()
			})
			return err
		}, w.key)
		if !errors.Is(err, redis.TxFailedErr) {
			return err
		}
	}
}

// close deletes what the loop has counted.
func (w *watchLoop) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(w.client.Del(ctx, w.key).Err(), w.client.Close())
}
