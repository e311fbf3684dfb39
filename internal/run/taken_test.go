package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// ward is an embedded cluster on which each role has a user of its name, with its rights.
type ward struct {
	t      *testing.T
	broker *embedded.Broker
	all    *cluster.Cluster // of who may do everything
	admin  *kgo.Client      // likewise
	rights map[events.Role][]events.ACL
}

func newWard(t *testing.T, roles ...events.Role) *ward {
	t.Helper()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	users := []embedded.User{{Mechanism: cluster.ScramSHA512, Name: "admin", Password: partsPassword, Super: true}}
	for _, role := range roles {
		users = append(users, embedded.User{Mechanism: cluster.ScramSHA512, Name: string(role), Password: partsPassword})
	}
	w := &ward{t: t, broker: startBroker(t, embedded.Config{Users: users}), rights: map[events.Role][]events.ACL{}}
	t.Cleanup(w.broker.Close)
	var err error
	if w.all, err = cluster.Open(w.as("admin", nil)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.all.Close)
	w.admin, err = kgo.NewClient(kgo.SeedBrokers(w.broker.Addr()), kgo.SASL(scram.Auth{User: "admin", Pass: partsPassword}.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.admin.Close)
	for _, role := range roles {
		w.rights[role] = topics.ACLs(role, events.Chosen{Queues: []events.Pattern{{Name: "orders"}}})
		w.give(role, w.rights[role]...)
	}
	return w
}

// as is how a user connects.
func (w *ward) as(user string, log *slog.Logger) cluster.Config {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return cluster.Config{Brokers: w.broker.Addrs(), Logger: log, SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: user, Password: partsPassword}}
}

func (w *ward) give(role events.Role, rights ...events.ACL) {
	w.t.Helper()
	var all []kafka.Right
	for _, r := range rights {
		all = append(all, kafka.Right{Principal: "User:" + string(role), ACL: r})
	}
	if err := w.all.Kafka().Grant(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
}

// take takes rights away.
func (w *ward) take(role events.Role, rights ...events.ACL) {
	w.t.Helper()
	req, principal, host := kmsg.NewPtrDeleteACLsRequest(), "User:"+string(role), "*"
	for _, r := range rights {
		f := kmsg.NewDeleteACLsRequestFilter()
		f.Principal, f.Host, f.ResourceName = &principal, &host, &r.Name
		f.ResourcePatternType, f.PermissionType = kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLPermissionTypeAllow
		if r.Prefixed {
			f.ResourcePatternType = kmsg.ACLResourcePatternTypePrefixed
		}
		switch r.Resource {
		case events.TopicResource:
			f.ResourceType = kmsg.ACLResourceTypeTopic
		case events.GroupResource:
			f.ResourceType = kmsg.ACLResourceTypeGroup
		case events.TransactionalIDResource:
			f.ResourceType = kmsg.ACLResourceTypeTransactionalId
		case events.ClusterResource:
			name := "kafka-cluster"
			f.ResourceType, f.ResourceName = kmsg.ACLResourceTypeCluster, &name
		}
		var err error
		if f.Operation, err = kmsg.ParseACLOperation(r.Operation); err != nil {
			w.t.Fatal(err)
		}
		req.Filters = append(req.Filters, f)
	}
	answer, err := req.RequestWith(w.t.Context(), w.admin)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, r := range answer.Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil || len(r.MatchingACLs) != 1 {
			w.t.Fatalf("take %+v of %s away: %v, it has %d such rights", rights[i], role, err, len(r.MatchingACLs))
		}
	}
}

// joined waits until the group that a right is on has a member; of other rights there is
// nothing to wait for.
func (w *ward) joined(r events.ACL) {
	w.t.Helper()
	if r.Resource != events.GroupResource {
		return
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 90*time.Second)
	defer cancel()
	err := becomes(ctx, func() (bool, error) {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups = []string{r.Name}
		answer, err := req.RequestWith(ctx, w.admin)
		return err == nil && answer.Groups[0].State == "Stable", err
	})
	if err != nil {
		w.t.Fatalf("wait for a member of group %s: %v", r.Name, err)
	}
}

// A right that is taken away while a service runs does not end it: it is not ready and names
// the right, and goes on when that is given back.
func TestARightThatIsTakenAwayEndsNoService(t *testing.T) {
	redis := startRedis(t, 0)
	t.Cleanup(redis.Close)
	services := allServices(redis)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	on := func(resource events.Resource, name string, operations ...string) (rights []events.ACL) {
		for _, op := range operations {
			rights = append(rights, events.ACL{Operation: op, Resource: resource, Name: name})
		}
		return rights
	}
	group := func(name string) []events.ACL { return on(events.GroupResource, name, "Read") }
	topic := func(name string, operations ...string) []events.ACL {
		return on(events.TopicResource, name, operations...)
	}
	queueLog := topics.Queue("orders")
	for name, c := range map[string]struct {
		role   events.Role
		rights [][]events.ACL // each is taken away for itself
	}{
		"scheduler": {events.RoleScheduler, [][]events.ACL{
			group(topics.SchedulerGroup()), topic(topics.Events(), "Read"), topic(topics.Requests(), "Read"),
		}},
		"engine": {events.RoleEngine, [][]events.ACL{topic(topics.Assignments(), "Read"), topic(topics.Reports(), "Write")}},
		"allocator": {events.RoleAllocator, [][]events.ACL{
			group(topics.AllocatorGroup()), topic(topics.IDEvents(), "Read"), topic(topics.IDRequests(), "Read"), group(topics.KeeperGroup(topics.IDEvents())),
		}},
		"replicator": {events.RoleReplicator, [][]events.ACL{
			group(topics.ReplicatorGroup()), topic(topics.ReplicationLinks(), "Read"), group(topics.KeeperGroup(topics.ReplicationLinks())),
		}},
		"global manager": {events.RoleGlobalManager, [][]events.ACL{
			group(topics.GlobalManagerGroup()), topic(topics.NetworkChanges(), "Read"), topic(topics.NetworkRequests(), "Read"),
		}},
		"local manager": {events.RoleLocalManager, [][]events.ACL{
			group(topics.LocalManagerGroup()), topic(topics.NetworkStatus(), "Read"), topic(topics.NetworkInbox(), "Read"), topic(topics.Events(), "Read"),
		}},
		"queues": {events.RoleQueueHost, [][]events.ACL{topic(queueLog, "Read"), group(topics.KeeperGroup(queueLog))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := []events.Role{c.role}
			if c.role == events.RoleEngine {
				roles = append(roles, events.RoleScheduler)
			}
			w := newWard(t, roles...)
			w.prepare(c.role)
			for _, role := range roles[1:] {
				awaitReady(t, serveAt(t, w.as(string(role), nil), services[string(role)]), http.StatusOK, "ok")
			}
			probe := serveAt(t, w.as(string(c.role), nil), services[name])
			awaitReady(t, probe, http.StatusOK, "ok")
			for _, rights := range c.rights {
				w.joined(rights[0])
				w.take(c.role, rights...)
				awaitReady(t, probe, http.StatusServiceUnavailable, fmt.Sprintf("User:%s lacks the right", c.role))
				awaitReady(t, probe, http.StatusServiceUnavailable, rights[0].Name)
				w.give(c.role, rights...)
				awaitReady(t, probe, http.StatusOK, "ok")
				t.Logf("%s goes on without %+v", name, rights)
			}
			w.take(c.role, w.rights[c.role]...)
			awaitReady(t, probe, http.StatusServiceUnavailable, fmt.Sprintf("User:%s lacks the right", c.role))
			w.give(c.role, w.rights[c.role]...)
			awaitReady(t, probe, http.StatusOK, "ok")
		})
	}
}

// A right that is missing when a service starts ends it, with an error that names the right.
func TestAMissingRightEndsAServiceThatStarts(t *testing.T) {
	redis := startRedis(t, 0)
	t.Cleanup(redis.Close)
	services := allServices(redis)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	for _, c := range []struct {
		service string
		role    events.Role
		right   events.ACL
	}{
		{"scheduler", events.RoleScheduler, events.ACL{Operation: "Read", Resource: events.GroupResource, Name: topics.SchedulerGroup()}},
		{"engine", events.RoleEngine, events.ACL{Operation: "Read", Resource: events.TopicResource, Name: topics.Assignments()}},
		{"allocator", events.RoleAllocator, events.ACL{Operation: "Read", Resource: events.GroupResource, Name: topics.AllocatorGroup()}},
		{"allocator", events.RoleAllocator, events.ACL{Operation: "Read", Resource: events.TopicResource, Name: topics.IDEvents()}},
		{"replicator", events.RoleReplicator, events.ACL{Operation: "Read", Resource: events.GroupResource, Name: topics.ReplicatorGroup()}},
		{"replicator", events.RoleReplicator, events.ACL{Operation: "Read", Resource: events.TopicResource, Name: topics.ReplicationLinks()}},
		{"global manager", events.RoleGlobalManager, events.ACL{Operation: "Read", Resource: events.GroupResource, Name: topics.GlobalManagerGroup()}},
		{"local manager", events.RoleLocalManager, events.ACL{Operation: "Read", Resource: events.GroupResource, Name: topics.LocalManagerGroup()}},
		{"local manager", events.RoleLocalManager, events.ACL{Operation: "Read", Resource: events.TopicResource, Name: topics.Events()}},
	} {
		t.Run(c.service+" "+c.right.Name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t, c.role)
			w.prepare(c.role)
			w.take(c.role, c.right)
			conn, err := cluster.Open(w.as(string(c.role), nil))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			tel, err := telemetry.Start("test")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tel.Stop(context.Background()) }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err = services[c.service](ctx, conn, tel)
			var denied *cluster.Denied
			if !errors.As(err, &denied) || denied.Principal != "User:"+string(c.role) || denied.Name != c.right.Name {
				t.Errorf("it ends with %v, which should name %+v", err, c.right)
			}
		})
	}
}

// What a service can begin without is no reason to end it where the right is missing when it
// starts: it is not ready and names the right, and goes on when that is given.
func TestAServiceAwaitsRightsThatItCanBeginWithout(t *testing.T) {
	redis := startRedis(t, 0)
	t.Cleanup(redis.Close)
	services := allServices(redis)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	group := func(log string) events.ACL {
		return events.ACL{Operation: "Read", Resource: events.GroupResource, Name: topics.KeeperGroup(log)}
	}
	for name, c := range map[string]struct {
		role  events.Role
		right events.ACL
	}{
		"engine":     {events.RoleEngine, events.ACL{Operation: "Write", Resource: events.TopicResource, Name: topics.Reports()}},
		"allocator":  {events.RoleAllocator, group(topics.IDEvents())},
		"replicator": {events.RoleReplicator, group(topics.ReplicationLinks())},
		"queues":     {events.RoleQueueHost, group(topics.Queue("orders"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t, c.role, events.RoleScheduler)
			w.prepare(c.role)
			if c.role == events.RoleEngine {
				awaitReady(t, serveAt(t, w.as(string(events.RoleScheduler), nil), services["scheduler"]), http.StatusOK, "ok")
			}
			w.take(c.role, c.right)
			said := &voice{}
			probe := serveAt(t, w.as(string(c.role), slog.New(slog.NewTextHandler(said, nil))), services[name])
			lacks := fmt.Sprintf("User:%s lacks the right %s on %s %s: grant it, such as by kafka-acls --add", c.role, c.right.Operation, c.right.Resource, c.right.Name)
			awaitReady(t, probe, http.StatusServiceUnavailable, lacks)
			said.await(t, lacks)
			w.give(c.role, c.right)
			awaitReady(t, probe, http.StatusOK, "ok")
			w.joined(c.right)
		})
	}
}

// prepare makes what a service needs to be there.
func (w *ward) prepare(role events.Role) {
	w.t.Helper()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	logs := slices.Concat(topics.Catalogue(), topics.ReplicationLogs(), topics.NetworkLogs())
	if _, err := w.all.Ensure(w.t.Context(), events.Specs(logs)); err != nil {
		w.t.Fatal(err)
	}
	if role == events.RoleQueueHost {
		if err := queue.Create(context.Background(), w.all, "orders", queue.Rules{}, queue.Options{Logger: slog.New(slog.DiscardHandler)}); err != nil {
			w.t.Fatal(err)
		}
	}
}
