package kafka

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/pkg/events"
)

// scramIterations is how often a password is hashed: what Kafka itself takes if nothing is said.
const scramIterations = 4096

// Login is a user with its password.
type Login struct{ User, Password string }

// SetPasswords makes users who connect by SCRAM-SHA-512, or gives those that there are
// another password. The cluster is told no password, only what it takes to recognize one.
func (c *Client) SetPasswords(ctx context.Context, logins []Login) error {
	req := &kafkago.AlterUserScramCredentialsRequest{}
	for _, l := range logins {
		salt := make([]byte, 32)
		_, _ = rand.Read(salt) // It never fails.
		salted, err := pbkdf2.Key(sha512.New, l.Password, salt, scramIterations, sha512.Size)
		if err != nil {
			return fmt.Errorf("hash the password of user %s: %w", l.User, err)
		}
		req.Upsertions = append(req.Upsertions, kafkago.UserScramCredentialsUpsertion{
			Name: l.User, Mechanism: kafkago.ScramMechanismSha512, Iterations: scramIterations, Salt: salt, SaltedPassword: salted,
		})
	}
	return c.persist(ctx, "set passwords", needs{onCluster: "Alter"}, func() error {
		if _, err := c.metadata(ctx); err != nil { // It is what says why nobody answers.
			return err
		}
		r, err := c.api.AlterUserScramCredentials(ctx, req)
		if err != nil {
			return err
		}
		for _, u := range r.Results {
			if u.Error != nil {
				return fmt.Errorf("user %s: %w", u.User, u.Error)
			}
		}
		return nil
	})
}

// Right allows a principal, such as User:alice, what an ACL says.
type Right struct {
	Principal string
	events.ACL
}

// Grant gives rights, from every host. One that is there stays.
func (c *Client) Grant(ctx context.Context, rights []Right) error {
	req := &kafkago.CreateACLsRequest{}
	for _, r := range rights {
		acl := kafkago.ACLEntry{
			Principal: r.Principal, Host: "*", PermissionType: kafkago.ACLPermissionTypeAllow,
			ResourceName: r.Name, ResourcePatternType: kafkago.PatternTypeLiteral,
		}
		switch r.Resource {
		case events.TopicResource:
			acl.ResourceType = kafkago.ResourceTypeTopic
		case events.GroupResource:
			acl.ResourceType = kafkago.ResourceTypeGroup
		case events.TransactionalIDResource:
			acl.ResourceType = kafkago.ResourceTypeTransactionalID
		case events.ClusterResource:
			acl.ResourceType, acl.ResourceName = kafkago.ResourceTypeCluster, "kafka-cluster"
		}
		if r.Prefixed {
			acl.ResourcePatternType = kafkago.PatternTypePrefixed
		}
		if err := acl.Operation.UnmarshalText([]byte(r.Operation)); err != nil {
			return fmt.Errorf("grant %s to %s: %w", r.Operation, r.Principal, err)
		}
		req.ACLs = append(req.ACLs, acl)
	}
	return c.persist(ctx, "grant rights", needs{onCluster: "Alter"}, func() error {
		if _, err := c.metadata(ctx); err != nil {
			return err
		}
		r, err := c.api.CreateACLs(ctx, req)
		if err != nil {
			return err
		}
		for i, err := range r.Errors {
			if err != nil {
				return fmt.Errorf("%s on %s %q to %s: %w", rights[i].Operation, rights[i].Resource, rights[i].Name, rights[i].Principal, err)
			}
		}
		return nil
	})
}
