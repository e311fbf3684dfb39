package doctor_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/doctor"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// as gives a user the rights of a list, as the broker has them.
func as(t *testing.T, name string, acls []events.ACL) embedded.User {
	t.Helper()
	u := embedded.User{Mechanism: cluster.ScramSHA512, Name: name, Password: "p"}
	for _, a := range acls {
		op, err := kmsg.ParseACLOperation(a.Operation)
		if err != nil {
			t.Fatal(err)
		}
		resource, err := kmsg.ParseACLResourceType(strings.ReplaceAll(string(a.Resource), "-", "_"))
		if err != nil {
			t.Fatal(err)
		}
		name := a.Name
		if a.Resource == events.ClusterResource {
			name = "kafka-cluster"
		}
		u.Rights = append(u.Rights, embedded.Right{Operation: op, Resource: resource, Name: name, Prefixed: a.Prefixed})
	}
	return u
}

// The doctor's own role suffices to look at everything, of each of its rights something is not
// seen when it is taken away, and it is none by which something could be changed.
func TestTheRightsOfADoctor(t *testing.T) {
	topics := events.Topics{Prefix: events.DefaultPrefix}
	rights := topics.ACLs(events.RoleDoctor, events.Chosen{})
	users := []embedded.User{{Mechanism: cluster.ScramSHA512, Name: "root", Password: "p", Super: true}, as(t, "all", rights)}
	without := map[string]events.ACL{}
	for i, r := range rights {
		if !slices.Contains([]string{"Read", "Describe", "DescribeConfigs"}, r.Operation) || r.Operation == "Read" && r.Resource != events.TopicResource {
			t.Errorf("%+v could change something", r)
		}
		name := "without " + r.Operation + " on " + string(r.Resource) + " " + r.Name
		without[name] = r
		users = append(users, as(t, name, slices.Delete(slices.Clone(rights), i, i+1)))
	}
	b, err := embedded.Start(embedded.Config{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("p"), 0o600); err != nil {
		t.Fatal(err)
	}
	user := func(name string) *cluster.Cluster {
		return open(t, cluster.Config{Brokers: b.Addrs(), SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: name, PasswordFile: password}})
	}
	root := user("root")
	if _, err := root.Ensure(t.Context(), events.Specs(slices.Concat(topics.Catalogue(), topics.QueueLogs("orders"), topics.ReplicationLogs(), topics.NetworkLogs()))); err != nil {
		t.Fatal(err)
	}
	// So that the logs are read in which what was decided stands.
	for _, topic := range []string{topics.Requests(), topics.Events(), topics.NetworkRequests(), topics.NetworkChanges(), topics.NetworkInbox(), topics.NetworkStatus(), topics.ReplicationStatus()} {
		if _, err := root.Partition(topic, 0).Append(t.Context(), []events.Record{{Key: []byte("k"), Value: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	examine := func(as *cluster.Cluster, role events.Role, listen time.Duration) []doctor.Finding {
		return doctor.Examine(doctor.Gather(t.Context(), doctor.Config{Kafka: as.Kafka(), Prefix: events.DefaultPrefix, Role: role, Listen: listen}))
	}
	unseen := func(f doctor.Finding) bool { return f.Level == doctor.Unknown && f.Check != "kafka.version" }
	for _, f := range examine(user("all"), events.RoleDoctor, time.Millisecond) {
		if unseen(f) || f.Check == "rights" && f.Level != doctor.OK {
			t.Errorf("with all rights: %+v", f)
		}
	}
	var all sync.WaitGroup // Of two it takes a while until they are told what they may not hear.
	for name, r := range without {
		listen := time.Millisecond
		switch {
		case r.Resource == events.ClusterResource && r.Operation == "Describe":
			continue // It is for the clock of the controller, which an embedded broker does not tell.
		case r.Name == topics.Reports(), r.Name == topics.Assignments():
			listen = 10 * time.Second
		}
		c := user(name)
		all.Go(func() {
			if !slices.ContainsFunc(examine(c, "", listen), unseen) {
				t.Errorf("%s it sees everything: delete it from the catalogue", name)
			}
		})
	}
	all.Wait()
}
