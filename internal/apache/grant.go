package apache

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Right is an operation, as kafka-acls names it, on a topic or a group.
type Right struct{ Operation, Topic, Group string }

// Grant gives a principal, such as User:alice, rights from every host.
func (b *Broker) Grant(principal string, rights ...Right) {
	b.tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		b.tb.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrCreateACLsRequest()
	for _, r := range rights {
		acl := kmsg.NewCreateACLsRequestCreation()
		acl.ResourceType, acl.ResourceName = kmsg.ACLResourceTypeTopic, r.Topic
		if r.Topic == "" {
			acl.ResourceType, acl.ResourceName = kmsg.ACLResourceTypeGroup, r.Group
		}
		acl.ResourcePatternType, acl.PermissionType = kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLPermissionTypeAllow
		acl.Principal, acl.Host = principal, "*"
		if acl.Operation, err = kmsg.ParseACLOperation(r.Operation); err != nil {
			b.tb.Fatal(err)
		}
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
}
