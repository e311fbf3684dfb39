package watermillkafka

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
)

// clientID is what the brokers' logs and quotas call this package where it is given
// no cluster.
const clientID = "watermill"

var errNoBrokers = errors.New("no brokers: give the address of at least one in Brokers, or an open Cluster")

// connect makes a client with connections of its own, of a cluster or of brokers.
// logger is told of what it tries again.
func connect(brokers []string, shared *cluster.Cluster, logger watermill.LoggerAdapter, change func(*kafka.Config)) (*kafka.Client, error) {
	log := slog.New(notices{logger})
	if shared != nil {
		return shared.Kafka().Like(func(c *kafka.Config) {
			c.Logger = log
			change(c)
		}), nil
	}
	if len(brokers) == 0 {
		return nil, errNoBrokers
	}
	config := kafka.Config{Brokers: brokers, ClientID: clientID, Logger: log}
	change(&config)
	return kafka.New(config), nil
}

// notices passes on to Watermill's logger what the connection logs.
type notices struct{ to watermill.LoggerAdapter }

func (notices) Enabled(context.Context, slog.Level) bool { return true }

func (n notices) Handle(_ context.Context, r slog.Record) error {
	var err error
	fields := watermill.LogFields{}
	r.Attrs(func(a slog.Attr) bool {
		if of, is := a.Value.Any().(error); is {
			err = of
		} else {
			fields[a.Key] = a.Value.Any()
		}
		return true
	})
	if r.Level >= slog.LevelWarn {
		n.to.Error(r.Message, err, fields)
	} else {
		n.to.Info(r.Message, fields)
	}
	return nil
}

func (n notices) WithAttrs([]slog.Attr) slog.Handler { return n } // The connection has none.
func (n notices) WithGroup(string) slog.Handler      { return n }
