package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Config is how to reach a Kafka cluster. Only Brokers must be set.
type Config struct {
	// Name is what errors and logs call the cluster; the brokers if empty.
	Name string
	// Brokers are the addresses, host:port, of one or more brokers to begin with.
	// The others are learnt from them.
	Brokers []string
	// ClientID is what the brokers' logs and quotas call this process; "spanway" if
	// empty.
	ClientID string
	// TLS and SASL say how connections are secured and as which user; not at all if
	// they are zero.
	TLS  TLS
	SASL SASL
	// AllowedAddresses are where brokers may be that others advertise: host, host:port,
	// *.domain, *.domain:port, or a network such as 10.0.0.0/8 for those that are
	// advertised by number. An address of no such kind is a *Rejected error. Empty
	// allows all. Those of Brokers are always allowed.
	AllowedAddresses []string
	// DialTimeout bounds how long a new connection may take; 3 s if 0.
	DialTimeout time.Duration
	// RetryBudget is how long one operation is tried again while its outcome is
	// unknown; 30 s if 0. The leader of a partition can be away for ten.
	RetryBudget time.Duration
	// Logger is told of what is tried again for as long as it takes; slog.Default()
	// if nil.
	Logger *slog.Logger
	// Dial opens the network connection beneath all others; plain TCP if nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Validate names the first field that cannot be used, and the remedy.
func (c Config) Validate() error {
	if len(c.Brokers) == 0 {
		return errors.New("cluster config: Brokers is empty: name at least one broker, such as 127.0.0.1:29092")
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return fmt.Errorf("cluster config: broker %q is not host:port: give both, such as kafka.example:9092", b)
		}
	}
	if c.DialTimeout < 0 || c.RetryBudget < 0 {
		return fmt.Errorf("cluster config: DialTimeout is %v and RetryBudget %v: neither may be negative", c.DialTimeout, c.RetryBudget)
	}
	if err := c.TLS.validate(); err != nil {
		return err
	}
	if err := c.SASL.validate(); err != nil {
		return err
	}
	return allowed(c.AllowedAddresses).validate()
}
