package apache

import (
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Right is an operation, as kafka-acls names it, on a topic, a group, a transactional ID,
// or, if it names none of them, the cluster.
type Right struct {
	Operation                     string
	Topic, Group, TransactionalID string
	// Prefixed means all whose names begin with the one that is given.
	Prefixed bool
}

// resource is what the right is on.
func (r Right) resource() (kmsg.ACLResourceType, string) {
	switch {
	case r.Topic != "":
		return kmsg.ACLResourceTypeTopic, r.Topic
	case r.Group != "":
		return kmsg.ACLResourceTypeGroup, r.Group
	case r.TransactionalID != "":
		return kmsg.ACLResourceTypeTransactionalId, r.TransactionalID
	}
	return kmsg.ACLResourceTypeCluster, "kafka-cluster"
}

func (r Right) pattern() kmsg.ACLResourcePatternType {
	if r.Prefixed {
		return kmsg.ACLResourcePatternTypePrefixed
	}
	return kmsg.ACLResourcePatternTypeLiteral
}

// Grant gives a principal, such as User:alice, rights from every host. They hold when it
// returns.
func (b *Broker) Grant(principal string, rights ...Right) {
	b.tb.Helper()
	client := b.admin()
	defer client.Close()
	req := kmsg.NewPtrCreateACLsRequest()
	for _, r := range rights {
		acl := kmsg.NewCreateACLsRequestCreation()
		acl.ResourceType, acl.ResourceName = r.resource()
		acl.ResourcePatternType, acl.PermissionType = r.pattern(), kmsg.ACLPermissionTypeAllow
		acl.Principal, acl.Host, acl.Operation = principal, "*", b.operation(r)
		req.Creations = append(req.Creations, acl)
	}
	answer, err := req.RequestWith(b.tb.Context(), client)
	if err != nil {
		b.tb.Fatalf("grant rights to %s: %v", principal, err)
	}
	for i, r := range answer.Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			b.tb.Fatalf("grant %+v to %s: %v", rights[i], principal, err)
		}
	}
	for _, r := range rights {
		b.awaitRight(client, principal, r, true)
	}
}

// Revoke takes a right away again. It does not hold any more when it returns.
func (b *Broker) Revoke(principal string, right Right) {
	b.tb.Helper()
	client := b.admin()
	defer client.Close()
	req := kmsg.NewPtrDeleteACLsRequest()
	acl := kmsg.NewDeleteACLsRequestFilter()
	resource, name := right.resource()
	host := "*"
	acl.ResourceType, acl.ResourceName, acl.ResourcePatternType = resource, &name, right.pattern()
	acl.Principal, acl.Host, acl.Operation, acl.PermissionType = &principal, &host, b.operation(right), kmsg.ACLPermissionTypeAllow
	req.Filters = append(req.Filters, acl)
	answer, err := req.RequestWith(b.tb.Context(), client)
	if err != nil {
		b.tb.Fatalf("revoke %+v of %s: %v", right, principal, err)
	}
	if n := len(answer.Results[0].MatchingACLs); n != 1 {
		b.tb.Fatalf("revoke %+v of %s: it has %d such rights, %v", right, principal, n, kerr.ErrorForCode(answer.Results[0].ErrorCode))
	}
	b.awaitRight(client, principal, right, false)
}

// awaitRight waits until the broker, which learns of a change from the controller, has, or
// has not, a right.
func (b *Broker) awaitRight(client *kgo.Client, principal string, right Right, there bool) {
	b.tb.Helper()
	req := kmsg.NewPtrDescribeACLsRequest()
	resource, name := right.resource()
	req.ResourceType, req.ResourceName, req.ResourcePatternType = resource, &name, right.pattern()
	req.Principal, req.Operation, req.PermissionType = &principal, b.operation(right), kmsg.ACLPermissionTypeAllow
	deadline := time.Now().Add(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		answer, err := req.RequestWith(b.tb.Context(), client)
		if err == nil && (len(answer.Resources) > 0) == there {
			return
		}
		if time.Now().After(deadline) {
			b.tb.Fatalf("wait until the broker knows of %+v of %s: %v", right, principal, err)
		}
		<-again.C
	}
}

func (b *Broker) operation(r Right) kmsg.ACLOperation {
	b.tb.Helper()
	op, err := kmsg.ParseACLOperation(r.Operation)
	if err != nil {
		b.tb.Fatal(err)
	}
	return op
}

func (b *Broker) admin() *kgo.Client {
	b.tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		b.tb.Fatal(err)
	}
	return client
}

// ACLTool is a program that is kafka-acls, of Kafka 3.9: the jars of later brokers lack it.
func (b *Broker) ACLTool() string {
	b.tb.Helper()
	classPath, err := jars(Older)
	if err != nil {
		missing(b.tb, err)
	}
	path := b.path("kafka-acls.sh")
	text := fmt.Sprintf("#!/bin/sh\nexec java -cp '%s' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC kafka.admin.AclCommand \"$@\"\n", classPath)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		b.tb.Fatal(err)
	}
	return path
}
