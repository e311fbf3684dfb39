package kafka

import (
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Rejected means that a connection cannot be made with the configuration as it is:
// one side refuses the other. It is not tried again.
type Rejected struct {
	// Cluster is its name or addresses, Broker the address that was connected to, and
	// Principal what the brokers call this client.
	Cluster, Broker, Principal string
	// Problem is what is wrong and Remedy what to do about it; it may be empty.
	Problem, Remedy string
	Err             error // may be nil
}

func (e *Rejected) Error() string {
	s := fmt.Sprintf("cluster %s, broker %s, as %s: %s", e.Cluster, e.Broker, e.Principal, e.Problem)
	if e.Err != nil {
		s += fmt.Sprintf(" (%v)", e.Err)
	}
	if e.Remedy != "" {
		s += ": " + e.Remedy
	}
	return s
}

func (e *Rejected) Unwrap() error { return e.Err }

// Denied tells package eventlog that trying again does not help.
func (e *Rejected) Denied() bool { return true }

// Forbidden tells package eventlog that it may be mended while a program runs.
func (e *Rejected) Forbidden() bool { return true }

// ErrorType is the class of the error in metrics and traces.
func (e *Rejected) ErrorType() string { return "CONNECTION_REJECTED" }

func (c *Client) rejected(address, problem, remedy string, err error) error {
	return &Rejected{Cluster: c.brokers(), Broker: address, Principal: c.Principal(), Problem: problem, Remedy: remedy, Err: err}
}

// Denied means that the principal lacks a right. It is not tried again.
type Denied struct {
	Cluster, Principal string
	// Operation is what it may not do, as Kafka's ACLs name it; Resource is on what:
	// topic, group, transactional-id or cluster, and Name which.
	Operation, Resource, Name string
	Err                       error
}

func (e *Denied) Error() string {
	resource, grant := e.Resource+" "+e.Name, fmt.Sprintf("--%s '%s'", e.Resource, e.Name)
	if e.Name == "" {
		resource, grant = "the "+e.Resource, "--"+e.Resource
	}
	return fmt.Sprintf("cluster %s: %s lacks the right %s on %s: grant it, such as by kafka-acls --add --allow-principal '%s' --operation %s %s (%v)",
		e.Cluster, e.Principal, e.Operation, resource, e.Principal, e.Operation, grant, e.Err)
}

func (e *Denied) Unwrap() error { return e.Err }

// Denied tells package eventlog that trying again does not help.
func (e *Denied) Denied() bool { return true }

// Forbidden tells package eventlog that the right may be given while a program runs.
func (e *Denied) Forbidden() bool { return true }

// ErrorType is the class of the error in metrics and traces.
func (e *Denied) ErrorType() string { return "ACCESS_DENIED" }

// needs is what an operation must be allowed, by the resource of which a broker may
// say that it is not.
type needs struct {
	topic, onTopic string
	group, onGroup string
	onCluster      string

	transactionalID, onTransactionalID string
}

// denied names the right that is missing, if that is what err says, and takes a
// *Rejected out of its wrapping. That no way is known where brokers refuse this client is
// that refusal.
func (c *Client) denied(n needs, err error) error {
	var rejected *Rejected
	if errors.As(err, &rejected) {
		return rejected // it says all; kafka-go has wrapped it
	}
	if refused := c.refused(time.Now()); refused != nil && unrouted(err) {
		return refused
	}
	var code kafkago.Error
	var known *Denied
	if err == nil || errors.As(err, &known) || !errors.As(err, &code) {
		return err
	}
	e := &Denied{Cluster: c.brokers(), Principal: c.Principal(), Err: code}
	switch {
	case code == kafkago.TopicAuthorizationFailed:
		e.Operation, e.Resource, e.Name = n.onTopic, "topic", n.topic
	case code == kafkago.GroupAuthorizationFailed:
		e.Operation, e.Resource, e.Name = n.onGroup, "group", n.group
	case code == kafkago.TransactionalIDAuthorizationFailed && n.transactionalID != "":
		e.Operation, e.Resource, e.Name = n.onTransactionalID, "transactional-id", n.transactionalID
	case code == kafkago.ClusterAuthorizationFailed && n.onCluster != "":
		e.Operation, e.Resource = n.onCluster, "cluster"
	case code == kafkago.ClusterAuthorizationFailed && n.onTopic != "":
		e.Operation, e.Resource, e.Name = n.onTopic, "topic", n.topic
	default:
		return err
	}
	return e
}

// IsDenied reports whether err says that the cluster refuses, or is not to be
// connected to as things are: that trying again does not help until somebody changes
// the configuration, a certificate, a password or a right.
func IsDenied(err error) bool {
	var rejected *Rejected
	var lacking *Denied
	return errors.As(err, &rejected) || errors.As(err, &lacking)
}

// Principal is what the brokers call this client, as of its last connection.
func (c *Client) Principal() string {
	if p, ok := c.principal.Load().(string); ok {
		return p
	}
	return anonymous
}
