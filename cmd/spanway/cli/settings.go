package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Target is where commands go.
type Target struct {
	Cluster cluster.Config
	// Prefix of the topics, and the name of the site.
	Prefix, Site string
	// unplaced is the --site of which nothing says where it is: the brokers are the
	// default ones.
	unplaced string
	// byDefault says that nothing names the brokers: they are the default ones.
	byDefault bool
}

// advice is what to do where no broker answers and none was named: who names the brokers of a
// cluster has one.
func (t *Target) advice(err error) string {
	var away *client.Unavailable
	if !t.byDefault || !errors.As(err, &away) || away.Err == nil || cluster.IsDenied(away.Err) {
		return ""
	}
	return "; start one with \"spanway dev\", or name others with --brokers, SPANWAY_BROKERS or a configuration file (--config)"
}

// setting is one of those that make a Target. Its name is that of the flag; that of
// the variable follows from it.
type setting struct {
	name, usage string
	otherwise   string // the default
	secret      bool   // has no flag
	password    bool   // one of the two ways to give it
	boolean     bool
	duration    bool
	file        func(*fileContext, *fileCluster) string // what the file says
	apply       func(*Target, string) error
}

func text(at func(*Target) *string) func(*Target, string) error {
	return func(t *Target, s string) error {
		*at(t) = s
		return nil
	}
}

var settings = []setting{
	{
		name: "brokers", usage: "Kafka brokers to begin with, host:port,...", otherwise: "127.0.0.1:29092",
		file: func(_ *fileContext, c *fileCluster) string { return strings.Join(c.Brokers, ",") },
		apply: func(t *Target, s string) error {
			t.Cluster.Brokers = list(s)
			return valid(cluster.Config{Brokers: t.Cluster.Brokers})
		},
	},
	{
		name: "tls", usage: "connect over TLS; the other --tls flags turn it on, too", boolean: true,
		file: func(_ *fileContext, c *fileCluster) string { return strconv.FormatBool(c.TLS.Enabled) },
		apply: func(t *Target, s string) (err error) {
			s, err = readBool(s)
			t.Cluster.TLS.Enabled = s == "true"
			return err
		},
	},
	{
		name: "tls-ca", usage: "file with the CAs that signed the brokers' certificates, in PEM; the system's if none",
		file:  func(_ *fileContext, c *fileCluster) string { return c.TLS.CAFile },
		apply: text(func(t *Target) *string { return &t.Cluster.TLS.CAFile }),
	},
	{
		name: "tls-cert", usage: "file with the client certificate, in PEM",
		file:  func(_ *fileContext, c *fileCluster) string { return c.TLS.CertFile },
		apply: text(func(t *Target) *string { return &t.Cluster.TLS.CertFile }),
	},
	{
		name: "tls-key", usage: "file with the key of the client certificate, in PEM",
		file:  func(_ *fileContext, c *fileCluster) string { return c.TLS.KeyFile },
		apply: text(func(t *Target) *string { return &t.Cluster.TLS.KeyFile }),
	},
	{
		name: "tls-server-name", usage: "name that the brokers' certificates must be for; the host if none",
		file:  func(_ *fileContext, c *fileCluster) string { return c.TLS.ServerName },
		apply: text(func(t *Target) *string { return &t.Cluster.TLS.ServerName }),
	},
	{
		name: "sasl-mechanism", usage: "SCRAM-SHA-512 (if there is a --user), SCRAM-SHA-256 or PLAIN",
		file: func(_ *fileContext, c *fileCluster) string { return c.SASL.Mechanism },
		apply: func(t *Target, s string) error {
			t.Cluster.SASL.Mechanism = s
			return valid(cluster.Config{Brokers: someBroker, SASL: cluster.SASL{Mechanism: s, Username: "u", Password: "p"}})
		},
	},
	{
		name: "user", usage: "user for SASL",
		file:  func(_ *fileContext, c *fileCluster) string { return c.SASL.User },
		apply: text(func(t *Target) *string { return &t.Cluster.SASL.Username }),
	},
	{
		name: "password-file", password: true, usage: "file with the password of the user, read for each connection; or SPANWAY_PASSWORD is the password",
		file:  func(_ *fileContext, c *fileCluster) string { return c.SASL.PasswordFile },
		apply: text(func(t *Target) *string { return &t.Cluster.SASL.PasswordFile }),
	},
	{
		name: "password", password: true, secret: true,
		file:  func(*fileContext, *fileCluster) string { return "" },
		apply: func(t *Target, s string) error { t.Cluster.SASL.Password = cluster.Secret(s); return nil },
	},
	{
		name: "allowed-addresses", usage: "where brokers may be that others advertise: host, host:port, *.domain or a network, ...; anywhere if none",
		file: func(_ *fileContext, c *fileCluster) string { return strings.Join(c.AllowedAddresses, ",") },
		apply: func(t *Target, s string) error {
			t.Cluster.AllowedAddresses = list(s)
			return valid(cluster.Config{Brokers: someBroker, AllowedAddresses: t.Cluster.AllowedAddresses})
		},
	},
	{
		name: "dial-timeout", usage: "how long a new connection may take", otherwise: "3s", duration: true,
		file: func(_ *fileContext, c *fileCluster) string { return c.DialTimeout },
		apply: func(t *Target, s string) (err error) {
			if t.Cluster.DialTimeout, err = events.ParseDuration(s); err != nil {
				return errDuration
			}
			return valid(cluster.Config{Brokers: someBroker, DialTimeout: t.Cluster.DialTimeout})
		},
	},
	{
		name: "prefix", usage: "prefix of the topics", otherwise: events.DefaultPrefix,
		file: func(c *fileContext, _ *fileCluster) string { return c.Prefix },
		apply: func(t *Target, s string) error {
			t.Prefix = s
			return reason(events.CheckPrefix(s))
		},
	},
	{
		name: "site", usage: "site where a command goes, if the file has a context of it; else only the name of this one", otherwise: "local",
		file: func(c *fileContext, _ *fileCluster) string { return c.Site },
		apply: func(t *Target, s string) error {
			t.Site = s
			return CheckName("site", s)
		},
	},
}

// someBroker stands for the brokers where another setting is checked.
var someBroker = []string{"127.0.0.1:1"}

// valid is why a part of a configuration cannot be used.
func valid(c cluster.Config) error {
	if err := c.Validate(); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "cluster config: "))
	}
	return nil
}

// brokers and site are the settings that choose a cluster.
var brokers, site = named("brokers"), named("site")

// checkLayered is the error of a variable that its setting, if it is one, refuses.
func checkLayered(name, variable, value string) error {
	for i := range settings {
		if s := &settings[i]; s.name == name {
			if err := s.apply(&Target{}, value); err != nil {
				return Usage("%s %q: %w", variable, value, err)
			}
		}
	}
	return nil
}

func named(name string) *setting {
	return &settings[slices.IndexFunc(settings, func(s setting) bool { return s.name == name })]
}

// variable is the name of the environment variable of a setting.
func variable(name string) string {
	return "SPANWAY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
