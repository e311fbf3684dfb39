package doctor

import (
	"context"
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// needs are the rights that a role needs on what is no topic.
func needs(prefix string, queues []string, role events.Role) []events.ACL {
	var chosen events.Chosen
	for _, name := range queues {
		chosen.Queues = append(chosen.Queues, events.Pattern{Name: name})
	}
	return slices.DeleteFunc((events.Topics{Prefix: prefix}).ACLs(role, chosen), func(a events.ACL) bool { return a.Resource == events.TopicResource })
}

// access asks what may be done with the groups and transactional IDs of all roles.
func (c Config) access(ctx context.Context, queues []string) (found []Access) {
	for _, role := range events.Roles() {
		for _, right := range needs(c.Prefix, queues, role) {
			known := slices.ContainsFunc(found, func(a Access) bool { return same(a.Right, right) })
			if right.Resource == events.ClusterResource || known {
				continue // Of the cluster it was asked with the topics.
			}
			a := Access{Right: right}
			a.Operations, a.Err = c.allowed(ctx, right)
			found = append(found, a)
		}
	}
	return found
}

// errUntold is that of a broker which does not say what is allowed.
type errUntold struct{ what string }

func (e *errUntold) Error() string { return "the broker does not tell what is allowed on " + e.what }

func (c Config) allowed(ctx context.Context, on events.ACL) ([]string, error) {
	if on.Resource == events.GroupResource {
		rights, err := c.Kafka.GroupRights(ctx, []string{on.Name})
		if err == nil && rights[on.Name] == nil {
			err = &errUntold{named(on)}
		}
		return rights[on.Name], err
	}
	// Whoever may write with all IDs that begin so may write with one that nobody uses.
	may, err := c.Kafka.MayFence(ctx, on.Name+"doctor")
	if may {
		return []string{"Write"}, err
	}
	return nil, err
}

// same tells whether two rights are on the same.
func same(a, b events.ACL) bool {
	return a.Resource == b.Resource && a.Name == b.Name && a.Prefixed == b.Prefixed
}

// named is what a right is on, as people read it.
func named(a events.ACL) string {
	switch {
	case a.Resource == events.ClusterResource:
		return "the cluster"
	case a.Resource == events.TransactionalIDResource && a.Prefixed:
		return "transactional IDs " + a.Name + "*"
	}
	return fmt.Sprintf("%s %s", a.Resource, a.Name)
}

// grant is what gives a right, or takes it away (add, remove).
func grant(how, principal string, a events.ACL) string {
	text := fmt.Sprintf("kafka-acls --%s --allow-principal '%s' --operation %s --%s", how, principal, a.Operation, a.Resource)
	if a.Resource != events.ClusterResource {
		text += " '" + a.Name + "'"
	}
	if a.Prefixed {
		text += " --resource-pattern-type prefixed"
	}
	return text
}
