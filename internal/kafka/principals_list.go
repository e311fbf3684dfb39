package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/pkg/events"
)

// Users are those who connect with a password that the cluster knows, each with the
// mechanisms of SCRAM that it has. Who is named is asked for by name, too: the embedded broker
// lists nobody else.
func (c *Client) Users(ctx context.Context, named []string) (mechanisms map[string][]string, err error) {
	mechanisms = map[string][]string{}
	if err := c.users(ctx, nil, mechanisms); err != nil {
		return nil, err
	}
	named = slices.DeleteFunc(slices.Clone(named), func(name string) bool { return mechanisms[name] != nil })
	if len(named) == 0 {
		return mechanisms, nil
	}
	return mechanisms, c.users(ctx, named, mechanisms)
}

// users adds some users, or all if none are named.
func (c *Client) users(ctx context.Context, named []string, mechanisms map[string][]string) error {
	req := &kafkago.DescribeUserScramCredentialsRequest{}
	for _, name := range named {
		req.Users = append(req.Users, kafkago.UserScramCredentialsUser{Name: name})
	}
	return c.persist(ctx, "list the users", needs{onCluster: "Describe"}, func() error {
		if _, err := c.metadata(ctx); err != nil { // It is what says why nobody answers.
			return err
		}
		r, err := c.api.DescribeUserScramCredentials(ctx, req)
		if err != nil {
			return err
		}
		if r.Error != nil {
			return r.Error
		}
		for _, u := range r.Results {
			switch {
			case errors.Is(u.Error, kafkago.ResourceNotFound):
				continue
			case u.Error != nil:
				return fmt.Errorf("user %s: %w", u.User, u.Error)
			}
			mechanisms[u.User] = nil
			for _, info := range u.CredentialInfos {
				mechanisms[u.User] = append(mechanisms[u.User], mechanismNames[info.Mechanism])
			}
		}
		return nil
	})
}

var mechanismNames = map[kafkago.ScramMechanism]string{kafkago.ScramMechanismSha256: "SCRAM-SHA-256", kafkago.ScramMechanismSha512: "SCRAM-SHA-512"}

// Granted is a right as the cluster has it: it may be of one host only, or deny.
type Granted struct {
	Right
	Host   string
	Denies bool
}

// resources are what rights are on, by their number in requests. Others have a name that no
// role knows.
var resources = map[kafkago.ResourceType]events.Resource{
	kafkago.ResourceTypeTopic: events.TopicResource, kafkago.ResourceTypeGroup: events.GroupResource,
	kafkago.ResourceTypeTransactionalID: events.TransactionalIDResource, kafkago.ResourceTypeCluster: events.ClusterResource,
	kafkago.ResourceTypeDelegationToken: "delegation-token",
}

// GrantedTo are the rights that the cluster has, of a principal such as User:alice, or of all if it is
// empty.
func (c *Client) GrantedTo(ctx context.Context, principal string) (all []Granted, err error) {
	req := &kafkago.DescribeACLsRequest{Filter: kafkago.ACLFilter{
		ResourceTypeFilter: kafkago.ResourceTypeAny, ResourcePatternTypeFilter: kafkago.PatternTypeAny, PrincipalFilter: principal,
		Operation: kafkago.ACLOperationTypeAny, PermissionType: kafkago.ACLPermissionTypeAny,
	}}
	err = c.persist(ctx, "list rights", needs{onCluster: "Describe"}, func() error {
		if _, err := c.metadata(ctx); err != nil {
			return err
		}
		r, err := c.api.DescribeACLs(ctx, req)
		if err != nil {
			return err
		}
		if r.Error != nil {
			return r.Error
		}
		all = nil
		for _, of := range r.Resources {
			for _, acl := range of.ACLs {
				all = append(all, granted(of, acl))
			}
		}
		return nil
	})
	return all, err
}

func granted(of kafkago.ACLResource, acl kafkago.ACLDescription) Granted {
	g := Granted{Host: acl.Host, Denies: acl.PermissionType == kafkago.ACLPermissionTypeDeny}
	g.Principal = acl.Principal
	g.Operation, g.Name, g.Prefixed = acl.Operation.String(), of.ResourceName, of.PatternType == kafkago.PatternTypePrefixed
	if name, ok := resources[of.ResourceType]; ok {
		g.Resource = name
	} else {
		g.Resource = events.Resource(fmt.Sprint("resource-", int(of.ResourceType)))
	}
	if g.Resource == events.ClusterResource {
		g.Name = ""
	}
	return g
}
