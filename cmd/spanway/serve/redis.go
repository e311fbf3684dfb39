package serve

import (
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/allocator/store"
)

// redisFlags are those that say how Redis is reached, at these addresses if none are given.
func redisFlags(f *pflag.FlagSet, redis *store.Config, tls *cluster.TLS, addresses ...string) {
	f.StringSliceVar(&redis.Addrs, "redis", addresses, "addresses of Redis, host:port: one server, nodes of a cluster, or Sentinels")
	f.StringVar(&redis.Master, "redis-master", "", "name of the master at the Sentinels")
	f.BoolVar(&redis.Cluster, "redis-cluster", false, "a single address is of a Redis Cluster")
	f.IntVar(&redis.Database, "redis-database", 0, "number of the database; 0 in a cluster")
	f.StringVar(&redis.Username, "redis-username", "", "ACL user")
	f.StringVar(&redis.PasswordFile, "redis-password-file", "", "file with the password, which is read again for every new connection")
	f.BoolVar(&tls.Enabled, "redis-tls", false, "connect over TLS; the other --redis-tls flags turn it on, too")
	f.StringVar(&tls.CAFile, "redis-tls-ca", "", "file with the CAs that signed the certificates of Redis, in PEM; the system's if none")
	f.StringVar(&tls.CertFile, "redis-tls-cert", "", "file with the client certificate, in PEM")
	f.StringVar(&tls.KeyFile, "redis-tls-key", "", "file with the key of the client certificate, in PEM")
	f.StringVar(&tls.ServerName, "redis-tls-server-name", "", "name that the certificates of Redis must be for; the host if none")
	cli.Variables(f, "redis", "redis-master", "redis-cluster", "redis-database", "redis-username", "redis-password-file",
		"redis-tls", "redis-tls-ca", "redis-tls-cert", "redis-tls-key", "redis-tls-server-name")
	cli.Checked(f, "redis", cli.CheckAddress)
	cli.AtLeast(f, 0, "redis-database")
}

// redisConfig completes what the flags say. The error is a mistake in them.
func redisConfig(redis *store.Config, tls cluster.TLS) error {
	if tls.On() {
		redis.TLS = tls.Config
	}
	if err := redis.Validate(); err != nil {
		return cli.Misuse(err)
	}
	return nil
}
