package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
)

const (
	noSASL       = "this listener of the broker takes no SASL"
	noSASLRemedy = "configure none (no user), or name the listener that does"
)

// authenticate shows the credentials by SASL.
func (c *Client) authenticate(ctx context.Context, conn *trackedConn, address string, config *tls.Config, credentials Credentials) error {
	if credentials.Mechanism == Plain && config == nil && !loopback(conn.raw) {
		return c.rejected(address, "SASL PLAIN without TLS would send the password in plain text, which is done on loopback only",
			"use TLS, or "+ScramSHA512, nil)
	}
	mechanism, err := credentials.mechanism()
	if err != nil {
		return c.rejected(address, "the credentials cannot be used", "", err)
	}
	pc := protocol.NewConn(conn, c.config.ClientID)
	pc.SetVersions(versions)
	offered, err := handshake(pc, credentials.Mechanism)
	switch {
	case errors.Is(err, kafkago.UnsupportedSASLMechanism):
		return c.rejected(address, fmt.Sprintf("the broker does not know the SASL mechanism %s, but %s", credentials.Mechanism, strings.Join(offered, ", ")),
			"configure one of those", nil)
	case errors.Is(err, kafkago.IllegalSASLState):
		return c.rejected(address, noSASL, noSASLRemedy, nil)
	case err != nil:
		return c.explainSilence(ctx, address, config, err)
	}
	session, state, err := mechanism.Start(ctx)
	for done := false; err == nil && !done; {
		var challenge []byte
		if challenge, err = exchange(pc, state); err == nil {
			done, state, err = session.Next(ctx, challenge)
		}
	}
	const wrong, remedy = "the broker refuses the user or the password", "check the user, the password (its file is read for every connection) and the mechanism"
	var refusal kafkago.Error
	switch {
	case err == nil:
		return nil
	case (ended(err) || errors.As(err, &refusal)) && c.takesNoSASL(ctx, address):
		return c.rejected(address, noSASL, noSASLRemedy, err)
	case ended(err): // some brokers say it like that
		return &shutOut{wrong, remedy, err}
	case errors.As(err, &refusal):
		return c.rejected(address, wrong, remedy, err)
	case ctx.Err() != nil || timedOut(err):
		return fmt.Errorf("authenticate with %s: %w", credentials.Mechanism, err)
	}
	return c.rejected(address, wrong+", or is not the one that it should be", remedy, err)
}

// handshake agrees on a mechanism; offered are those that the broker knows if it does
// not know this one.
func handshake(pc *protocol.Conn, mechanism string) (offered []string, err error) {
	m, err := pc.RoundTrip(&saslhandshake.Request{Mechanism: mechanism})
	if err != nil {
		return nil, err
	}
	r := m.(*saslhandshake.Response)
	if r.ErrorCode != 0 {
		return r.Mechanisms, kafkago.Error(r.ErrorCode)
	}
	return nil, nil
}

func exchange(pc *protocol.Conn, state []byte) ([]byte, error) {
	m, err := pc.RoundTrip(&saslauthenticate.Request{AuthBytes: state})
	if err != nil {
		return nil, err
	}
	r := m.(*saslauthenticate.Response)
	if r.ErrorCode != 0 {
		return nil, fmt.Errorf("%w: %s", kafkago.Error(r.ErrorCode), r.ErrorMessage)
	}
	return r.AuthBytes, nil
}

// loopback reports whether the other side is on this machine.
func loopback(conn net.Conn) bool {
	at, ok := conn.RemoteAddr().(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}
