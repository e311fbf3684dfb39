package commands

import (
	"context"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// again is Watermill's retry for what has failed once. What does not fail has none of it:
// it costs a dozen allocations for each message.
func again(retry middleware.Retry) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) {
			ctx := m.Context()
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			produced, err := h(m)
			if err == nil {
				return produced, nil
			}
			m.SetContext(ctx) // That of the handler may have ended.
			tried := false
			return retry.Middleware(func(m *message.Message) ([]*message.Message, error) {
				if !tried {
					tried = true
					return produced, err
				}
				return h(m)
			})(m)
		}
	}
}

// quiet is Watermill's logger, which makes nothing of what no one reads: a router traces
// each message twice.
type quiet struct {
	watermill.LoggerAdapter
	log *slog.Logger
}

func (q quiet) Trace(msg string, fields watermill.LogFields) {
	if q.log.Enabled(context.Background(), watermill.LevelTrace) {
		q.LoggerAdapter.Trace(msg, fields)
	}
}

func (q quiet) Debug(msg string, fields watermill.LogFields) {
	if q.log.Enabled(context.Background(), slog.LevelDebug) {
		q.LoggerAdapter.Debug(msg, fields)
	}
}

func (q quiet) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return quiet{q.LoggerAdapter.With(fields), q.log}
}
