package principal

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// A principal of several roles is listed with all of them, also if each is of other queues, and
// if another role includes one.
func TestAllRolesOfAPrincipalAreListed(t *testing.T) {
	of := events.Topics{Prefix: events.DefaultPrefix}
	role := func(role events.Role, queues ...events.Pattern) []events.ACL {
		return of.ACLs(role, events.Chosen{Queues: queues})
	}
	orders, bills, all := events.Pattern{Name: "orders"}, events.Pattern{Name: "bills"}, events.Pattern{Prefixed: true}
	copying := of.ACLs(events.RoleReplicatorSource, events.Chosen{Copies: []events.Pattern{{Name: "payments"}}})
	everything := []events.ACL{{Operation: "All", Resource: events.TopicResource, Name: events.DefaultPrefix, Prefixed: true}}
	for name, c := range map[string]struct {
		has  [][]events.ACL
		want string
	}{
		"none":                           {nil, "[] []"},
		"one":                            {[][]events.ACL{role(events.RoleEngine)}, "[engine] []"},
		"two":                            {[][]events.ACL{role(events.RoleEngine), role(events.RoleRequester)}, "[engine requester] []"},
		"one that includes another":      {[][]events.ACL{role(events.RoleClient)}, "[client] [producer]"},
		"host and user of one queue":     {[][]events.ACL{role(events.RoleQueueHost, orders), role(events.RoleQueueUser, orders)}, "[queue-host] [queue-user]"},
		"host and user of other queues":  {[][]events.ACL{role(events.RoleQueueHost, orders), role(events.RoleQueueUser, bills)}, "[queue-host queue-user] []"},
		"host of all, user of one":       {[][]events.ACL{role(events.RoleQueueHost, all), role(events.RoleQueueUser, bills)}, "[queue-host] [queue-user]"},
		"reader of all, user of a queue": {[][]events.ACL{role(events.RoleReader), role(events.RoleQueueUser, bills)}, "[reader queue-user] []"},
		"source of a replicator":         {[][]events.ACL{copying}, "[replicator-source] []"},
		"reader, and source":             {[][]events.ACL{role(events.RoleReader), copying}, "[reader replicator-source] []"},
		"replicator":                     {[][]events.ACL{of.ACLs(events.RoleReplicator, events.Chosen{Copies: []events.Pattern{{Name: "payments"}}})}, "[replicator] []"},
		"reader, and source of nothing":  {[][]events.ACL{role(events.RoleReader), role(events.RoleReplicatorSource)}, "[reader] []"},
		"everything of topics":           {[][]events.ACL{everything}, "[engine client reader requester queue-user declarer announcer operator] [producer channel]"},
	} {
		var held []kafka.Granted
		for _, acl := range slices.Concat(c.has...) {
			held = append(held, kafka.Granted{Right: kafka.Right{ACL: acl}, Host: "*"})
		}
		found, included := roles(held, events.DefaultPrefix)
		if got := fmt.Sprint(found, included); got != c.want {
			t.Errorf("%s: the roles are %s, want %s", name, got, c.want)
		}
	}
}
