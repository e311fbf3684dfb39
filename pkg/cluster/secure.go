package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/keyfile"
)

// The SASL mechanisms, as Kafka names them. SCRAM never sends the password; PLAIN
// does, so it needs TLS, but on loopback.
const (
	Plain       = kafka.Plain
	ScramSHA256 = kafka.ScramSHA256
	ScramSHA512 = kafka.ScramSHA512
)

var mechanisms = []string{ScramSHA512, ScramSHA256, Plain}

// TLS says how connections are encrypted. All files are read again for every new
// connection, so that a certificate which was renewed is used without a restart.
type TLS struct {
	// Enabled turns TLS on, with the CAs that the system trusts. Each of the other
	// fields turns it on, too.
	Enabled bool
	// CAFile holds the certificates, in PEM, of the CAs that are trusted in place of
	// the system's.
	CAFile string
	// CertFile and KeyFile, in PEM, are the certificate that the brokers are shown and
	// its key.
	CertFile, KeyFile string
	// ServerName is what the brokers' certificates must be for; the host that is
	// connected to if empty.
	ServerName string
}

// On reports whether connections use TLS.
func (t TLS) On() bool { return t.Enabled || t != TLS{} }

func (t TLS) validate() error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return fmt.Errorf("cluster config: TLS.CertFile is %q and KeyFile %q: give both, or neither", t.CertFile, t.KeyFile)
	}
	return nil
}

// Config makes what crypto/tls needs, from the files as they are now; for connections to
// what is not Kafka and is secured alike.
func (t TLS) Config() (*tls.Config, error) { return t.read() }

// read makes what crypto/tls needs, from the files as they are now.
func (t TLS) read() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := keyfile.Read(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificates of the CAs: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the certificates of the CAs: %s holds none in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		own, err := keyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate %s and its key %s: %w", t.CertFile, t.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

func keyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := keyfile.Read(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := keyfile.Read(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// SASL says as which user the brokers are connected to.
type SASL struct {
	// Mechanism is ScramSHA512, ScramSHA256 or Plain; empty means no SASL.
	Mechanism string
	Username  string
	// Password or PasswordFile is the user's password. The file is read again for
	// every new connection; a line break at its end does not count.
	Password     Secret
	PasswordFile string
}

func (s SASL) validate() error {
	switch {
	case s == SASL{}:
		return nil
	case !slices.Contains(mechanisms, s.Mechanism):
		return fmt.Errorf("cluster config: SASL.Mechanism is %q: use one of %s", s.Mechanism, strings.Join(mechanisms, ", "))
	case s.Username == "":
		return fmt.Errorf("cluster config: SASL.Username is empty: name the user for %s", s.Mechanism)
	case (s.Password == "") == (s.PasswordFile == ""):
		return errors.New("cluster config: give either SASL.Password or PasswordFile")
	}
	return nil
}

// read makes the credentials, from the file as it is now.
func (s SASL) read() (kafka.Credentials, error) {
	c := kafka.Credentials{Mechanism: s.Mechanism, Username: s.Username, Password: string(s.Password)}
	if s.PasswordFile != "" {
		password, err := keyfile.Password(s.PasswordFile)
		if err != nil {
			return c, fmt.Errorf("read the password of user %s: %w", s.Username, err)
		}
		c.Password = password
	}
	return c, nil
}

// security is what the client beneath is given.
func (c Config) security() kafka.Security {
	var s kafka.Security
	if c.TLS.On() {
		s.TLS = c.TLS.read
	}
	if c.SASL.Mechanism != "" {
		s.Credentials = c.SASL.read
	}
	if len(c.AllowedAddresses) > 0 {
		s.Allowed = allowed(c.AllowedAddresses).contains
	}
	return s
}
