package kafka

import (
	"crypto/tls"
	"fmt"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// The SASL mechanisms that are known here, as Kafka names them.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// Security is how connections are secured; the zero value is plain text. Its
// functions are called for every new connection, so that a certificate or a password
// which was replaced is used without a restart. They may be called concurrently.
type Security struct {
	// TLS is the configuration of a connection; nil means no TLS. The server's name
	// is the host that is connected to, unless it is given.
	TLS func() (*tls.Config, error)
	// Credentials are what SASL shows to the brokers; nil means no SASL.
	Credentials func() (Credentials, error)
	// Allowed reports whether an address, host:port, that a broker advertises may be
	// connected to; nil allows all. The addresses of Config.Brokers always are.
	Allowed func(address string) bool
}

// Credentials are a user's name and password. They print without the password.
type Credentials struct{ Mechanism, Username, Password string }

// Format implements fmt.Formatter, for all verbs.
func (c Credentials) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s of user %s [password redacted]", c.Mechanism, c.Username)
}

func (c Credentials) mechanism() (sasl.Mechanism, error) {
	switch c.Mechanism {
	case Plain:
		return plain.Mechanism{Username: c.Username, Password: c.Password}, nil
	case ScramSHA256:
		return scram.Mechanism(scram.SHA256, c.Username, c.Password)
	case ScramSHA512:
		return scram.Mechanism(scram.SHA512, c.Username, c.Password)
	}
	return nil, fmt.Errorf("SASL mechanism %q is not known: use %s, %s or %s", c.Mechanism, ScramSHA512, ScramSHA256, Plain)
}

// anonymous is what brokers call a client that shows nothing.
const anonymous = "User:ANONYMOUS"

// principal is what the brokers call this client, as far as one can tell: they may
// map the name of a certificate to another.
func principal(config *tls.Config, of *Credentials) string {
	switch {
	case of != nil:
		return "User:" + of.Username
	case config != nil && len(config.Certificates) > 0 && config.Certificates[0].Leaf != nil:
		return "User:" + config.Certificates[0].Leaf.Subject.String()
	}
	return anonymous
}
