package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/keyfile"
	"github.com/spanway/spanway/pkg/events"
)

// Config is how Redis is reached. Only Addrs must be set.
type Config struct {
	// Addrs are the addresses, host:port: of one server; of the nodes of a cluster to
	// begin with; or of Sentinels, if Master is set.
	Addrs []string
	// Master is the name by which Sentinels know the master.
	Master string
	// Cluster says that a single address is of a Redis Cluster; several always are,
	// unless Master is set.
	Cluster bool
	// Database is its number; 0 in a cluster.
	Database int
	// Username is the ACL user; "default" if empty.
	Username string
	// PasswordFile holds the password. It is read again for every new connection; a
	// line break at its end does not count.
	PasswordFile string
	// TLS, if set, is read for every new connection, and gives what encrypts it.
	TLS func() (*tls.Config, error)
	// Prefix of every key; "spanway." if empty.
	Prefix string
	// Timeout bounds each answer of Redis; 1 s if 0.
	Timeout time.Duration
	// Pause is how long nothing is tried once Redis has failed several times in a row;
	// 1 s if 0.
	Pause time.Duration
	// PoolSize is how many connections there are to each server; 10 for each CPU if 0.
	PoolSize int
	// Meter makes the metrics; none if nil.
	Meter metric.Meter
}

// Validate names the first field that cannot be used, and the remedy.
func (c Config) Validate() error {
	if len(c.Addrs) == 0 {
		return errors.New("redis config: Addrs is empty: name at least one server, such as 127.0.0.1:6379")
	}
	for _, a := range c.Addrs {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return fmt.Errorf("redis config: address %q is not host:port: give both, such as redis.example:6379", a)
		}
	}
	switch {
	case c.Timeout < 0 || c.Pause < 0 || c.PoolSize < 0:
		return fmt.Errorf("redis config: Timeout is %v, Pause %v, PoolSize %d: none may be negative", c.Timeout, c.Pause, c.PoolSize)
	case c.Database < 0:
		return fmt.Errorf("redis config: Database is %d: give 0 or more", c.Database)
	case c.Database > 0 && c.isCluster():
		return fmt.Errorf("redis config: Database is %d: a cluster has only 0", c.Database)
	case c.Cluster && c.Master != "":
		return errors.New("redis config: Cluster and Master are set: give one, a cluster needs no Sentinels")
	}
	return nil
}

func (c Config) isCluster() bool { return c.Master == "" && (c.Cluster || len(c.Addrs) > 1) }

func (c *Config) setDefaults() {
	if c.Prefix == "" {
		c.Prefix = events.DefaultPrefix
	}
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	if c.Pause == 0 {
		c.Pause = time.Second
	}
}

// options never let the client try again by itself: it cannot know that an EXEC without
// an answer must not be repeated.
func (c Config) options() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: c.Addrs, MasterName: c.Master, IsClusterMode: c.isCluster(), DB: c.Database,
		ClientName: "spanway-allocator", DisableIdentity: true,
		CredentialsProviderContext: c.credentials, Dialer: c.dial,
		MaxRetries: -1, DialerRetries: 1,
		DialTimeout: c.Timeout, ReadTimeout: c.Timeout, WriteTimeout: c.Timeout, ContextTimeoutEnabled: true,
		PoolSize: c.PoolSize, PoolTimeout: 5 * c.Timeout,
		// Of a managed service: its notices of maintenance, which no other server knows.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// credentials reads the password, as it is now.
func (c Config) credentials(context.Context) (user, password string, err error) {
	if c.PasswordFile == "" {
		return c.Username, "", nil
	}
	if password, err = keyfile.Password(c.PasswordFile); err != nil {
		return "", "", fmt.Errorf("read the password for Redis: %w", err)
	}
	return c.Username, password, nil
}

func (c Config) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: c.Timeout}
	if c.TLS == nil {
		return heed(dialer.DialContext(ctx, network, addr))
	}
	config, err := c.TLS()
	if err != nil {
		return nil, err
	}
	return heed((&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, addr))
}
