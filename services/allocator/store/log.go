package store

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo gives what the client of Redis says by itself to a logger, at level debug: what
// matters of it are errors, which the store returns. It is for the whole process.
func LogTo(log *slog.Logger) { redis.SetLogger(said{log}) }

type said struct{ log *slog.Logger }

// Printf implements the client's logger.
func (s said) Printf(ctx context.Context, format string, args ...any) {
	s.log.DebugContext(ctx, "the client of Redis says", "text", fmt.Sprintf(format, args...))
}
