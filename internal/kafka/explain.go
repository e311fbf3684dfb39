package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
)

// shutOut means that the broker closed the connection where it should have
// answered: it refuses us, or it just ended.
type shutOut struct {
	problem, remedy string
	err             error
}

func (e *shutOut) Error() string { return e.problem + ": " + e.err.Error() }
func (e *shutOut) Unwrap() error { return e.err }

// explainTLS says why a handshake failed.
func (c *Client) explainTLS(ctx context.Context, address string, config *tls.Config, err error) error {
	var (
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		hostname x509.HostnameError
	)
	switch {
	case errors.As(err, &unknown):
		return c.rejected(address, "the broker's certificate is not signed by a CA that is trusted here", "trust the CA that signed it (CAFile, --tls-ca)", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return c.rejected(address, fmt.Sprintf("the broker's certificate is valid from %s to %s only",
			invalid.Cert.NotBefore.Format(time.RFC3339), invalid.Cert.NotAfter.Format(time.RFC3339)), "renew it, or mend the clock of this machine", err)
	case errors.As(err, &hostname):
		return c.rejected(address, fmt.Sprintf("the broker's certificate is not for %s", config.ServerName),
			"connect to a name that it is for, or name that (ServerName, --tls-server-name)", err)
	case errors.As(err, &invalid):
		return c.rejected(address, "the broker's certificate cannot be used", "have the broker's certificate made anew", err)
	case alert(err):
		return c.rejectedCertificate(address, config, err)
	case c.speaksPlain(ctx, address):
		return c.rejected(address, "the broker speaks plain text here, not TLS", "name the listener that speaks TLS, or turn TLS off", err)
	}
	return fmt.Errorf("begin TLS: %w", err)
}

// explainSilence says why a connection got no first answer. config is nil without TLS.
func (c *Client) explainSilence(ctx context.Context, address string, config *tls.Config, err error) error {
	switch {
	case alert(err):
		return c.rejectedCertificate(address, config, err)
	case !ended(err) && !timedOut(err):
		return fmt.Errorf("wait for the first answer: %w", err)
	}
	if offered := c.demandsSASL(ctx, address); len(offered) > 0 {
		return c.rejected(address, fmt.Sprintf("the broker demands SASL by one of %s", strings.Join(offered, ", ")),
			"configure a mechanism, a user and a password (--sasl-mechanism, --user, --password-file)", err)
	}
	if config == nil && c.speaksTLS(ctx, address) {
		return c.rejected(address, "the broker speaks TLS here, not plain text", "turn TLS on (--tls, or --tls-ca FILE), or name the listener that speaks plain text", err)
	}
	if config == nil && timedOut(err) && c.speaksHTTP(ctx, address) {
		err = errHTTP
	}
	return fmt.Errorf("wait for the first answer: %w", err)
}

// rejectedCertificate says what is wrong with what the broker was shown.
func (c *Client) rejectedCertificate(address string, config *tls.Config, err error) error {
	problem, remedy := "the broker demands a client certificate and none is configured", "configure one (CertFile and KeyFile, --tls-cert and --tls-key)"
	if shown, configured := shown(config); configured {
		problem, remedy = "the broker refuses the client certificate", "use one that a CA signed which the broker trusts"
		if leaf := shown.Leaf; leaf != nil {
			now := time.Now()
			problem += " of " + leaf.Subject.String()
			if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
				problem += fmt.Sprintf(", which is valid from %s to %s only", leaf.NotBefore.Format(time.RFC3339), leaf.NotAfter.Format(time.RFC3339))
				remedy = "renew it (its file is read for every connection)"
			}
		}
	}
	return c.rejected(address, problem, remedy, err)
}

// shown is the certificate that a broker was shown.
func shown(config *tls.Config) (tls.Certificate, bool) {
	if config == nil || len(config.Certificates) == 0 {
		return tls.Certificate{}, false
	}
	return config.Certificates[0], true
}

// probeTimeout bounds a look at what a listener speaks.
const probeTimeout = time.Second

// probe opens a connection of which nothing is told to anybody.
func (c *Client) probe(ctx context.Context, address string, f func(ctx context.Context, conn net.Conn) bool) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	conn, err := c.config.Dial(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	until, _ := ctx.Deadline()
	_ = conn.SetDeadline(until)
	return f(ctx, conn)
}

// speaksTLS reports whether a listener begins a TLS handshake. Nothing is sent over
// it, so it does not matter whose certificate it shows.
func (c *Client) speaksTLS(ctx context.Context, address string) bool {
	return c.probe(ctx, address, func(ctx context.Context, conn net.Conn) bool {
		err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
		return err == nil || alert(err)
	})
}

// speaksPlain reports whether a listener answers a request in plain text.
func (c *Client) speaksPlain(ctx context.Context, address string) bool {
	return c.probe(ctx, address, func(_ context.Context, conn net.Conn) bool {
		_, err := protocol.NewConn(&firstAnswer{Conn: conn}, c.config.ClientID).RoundTrip(&apiversions.Request{})
		return err == nil
	})
}

// demandsSASL tells the mechanisms that a listener takes, if it takes SASL and we
// show nothing.
func (c *Client) demandsSASL(ctx context.Context, address string) (mechanisms []string) {
	if c.config.Security.Credentials != nil {
		return nil
	}
	// A connection that was cut says nothing, nor does what a listener tells of its
	// mechanisms: some tell them that demand none. One that refuses each greeting and
	// answers each question in between is no network that cuts connections.
	const times = 3
	for range times {
		refused := c.probe(ctx, address, func(ctx context.Context, conn net.Conn) bool {
			over, err := c.encrypted(ctx, conn, address)
			return err == nil && ended(greet(over, c.config.ClientID))
		})
		if !refused {
			return nil
		}
		if mechanisms = c.mechanisms(ctx, address); len(mechanisms) == 0 {
			return nil
		}
	}
	return mechanisms
}

// mechanisms tells what a listener says that it takes.
func (c *Client) mechanisms(ctx context.Context, address string) (offered []string) {
	c.probe(ctx, address, func(ctx context.Context, conn net.Conn) bool {
		over, err := c.encrypted(ctx, conn, address)
		if err != nil {
			return false
		}
		pc := protocol.NewConn(over, c.config.ClientID)
		pc.SetVersions(versions)
		told, err := handshake(pc, "none")
		if errors.Is(err, kafkago.UnsupportedSASLMechanism) {
			offered = told
		}
		return true
	})
	return offered
}

// takesNoSASL reports whether a listener answers a client that shows nothing. Then
// it is not the password that is wrong.
func (c *Client) takesNoSASL(ctx context.Context, address string) bool {
	return c.probe(ctx, address, func(ctx context.Context, conn net.Conn) bool {
		over, err := c.encrypted(ctx, conn, address)
		return err == nil && greet(over, c.config.ClientID) == nil
	})
}

// encrypted is TLS over a connection, if TLS is configured.
func (c *Client) encrypted(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	if c.config.Security.TLS == nil {
		return &firstAnswer{Conn: conn}, nil
	}
	config, err := c.config.Security.TLS()
	if err != nil {
		return nil, err
	}
	over := tls.Client(conn, named(config, address))
	return &firstAnswer{Conn: over}, over.HandshakeContext(ctx)
}

// alert reports whether err is what the other side of a TLS connection objects to.
func alert(err error) bool {
	var of *net.OpError
	return errors.As(err, &of) && of.Op == "remote error"
}

func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func reset(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
