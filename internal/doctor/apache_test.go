package doctor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/doctor"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Real brokers tell their version, their settings, and what a principal may do.
func TestApacheIsExamined(t *testing.T) {
	for version, said := range map[string]string{apache.Latest: "it is Kafka 4.3,", apache.Older: "it is Kafka 3.9,"} {
		t.Run(version, func(t *testing.T) {
			ca := testca.New(t)
			key := ca.Issue("broker", time.Now().Add(24*time.Hour)).BothFile
			b := apache.Start(t, apache.Config{
				Version: version, Secure: &apache.Secure{KeyFile: key, ExpiredKeyFile: key, CAFile: ca.File},
				Properties: map[string]string{"unclean.leader.election.enable": "true"},
			})
			topics := events.Topics{Prefix: events.DefaultPrefix}
			admin := open(t, cluster.Config{Brokers: []string{b.Addr()}})
			if _, err := admin.Ensure(t.Context(), events.Specs(topics.Catalogue())); err != nil {
				t.Fatal(err)
			}
			engine := ca.Issue("engine-1", time.Now().Add(24*time.Hour))
			as := open(t, cluster.Config{
				Brokers: []string{b.Listener(apache.Mutual)}, TLS: cluster.TLS{CAFile: ca.File, CertFile: engine.CertFile, KeyFile: engine.KeyFile},
			})
			principal := "User:CN=engine-1"
			b.Grant(principal, apache.Right{Operation: "Write", Topic: topics.Reports()})
			examine := func(c *cluster.Cluster) []doctor.Finding {
				return doctor.Examine(doctor.Gather(t.Context(), doctor.Config{Kafka: c.Kafka(), Prefix: events.DefaultPrefix, Role: events.RoleEngine}))
			}
			all := examine(admin)
			if i := slices.IndexFunc(all, func(f doctor.Finding) bool { return f.Check == "kafka.version" }); i < 0 || !strings.HasPrefix(all[i].Text, said) {
				t.Errorf("of the version: %+v", all)
			}
			if got := levels(all, "kafka.settings"); !slices.Contains(got, doctor.Warning) || slices.Contains(got, doctor.Unknown) {
				t.Errorf("of the settings: %v in %+v", got, all)
			}
			// Of brokers there is one clock, that of the controller.
			if id, ahead, err := admin.Kafka().ControllerClock(t.Context()); err != nil || id != 1 || ahead.Abs() > time.Second {
				t.Errorf("the clock of controller %d is %v ahead, %v", id, ahead, err)
			}
			if _, _, err := as.Kafka().ControllerClock(t.Context()); !cluster.IsDenied(err) {
				t.Errorf("without Describe on the cluster its clock is told, %v", err)
			}
			lacks := func() (texts []string) {
				for _, f := range examine(as) {
					if f.Check == "rights" && f.Level == doctor.Problem {
						texts = append(texts, f.Text+"; "+f.Remedy)
					}
				}
				return texts
			}
			want := "as engine it lacks Read on topic " + topics.Assignments() + "; kafka-acls --add --allow-principal '" + principal + "' --operation Read --topic '" + topics.Assignments() + "'"
			if got := lacks(); len(got) != 1 || got[0] != want {
				t.Errorf("it lacks %q; want %q", got, want)
			}
			b.Grant(principal, apache.Right{Operation: "Read", Topic: topics.Assignments()})
			if got := lacks(); len(got) != 0 {
				t.Errorf("with all rights it lacks %q", got)
			}
			// Groups, transactional IDs and the cluster, without and with the rights.
			elsewhere := func() (texts []string) {
				for _, f := range doctor.Examine(doctor.Gather(t.Context(), doctor.Config{Kafka: as.Kafka(), Prefix: events.DefaultPrefix, Role: events.RoleReplicator})) {
					if f.Check == "rights" && f.Level >= doctor.Unknown && f.Level != doctor.Warning && !strings.Contains(f.Text, " on topic ") {
						texts = append(texts, f.Text)
					}
				}
				return texts
			}
			wanted := []string{
				"as replicator it lacks Read on group spanway.replicators",
				"as replicator it lacks Read on group spanway.snapshots.spanway.replication.links",
				"as replicator it lacks Write on transactional IDs spanway.mirror/*",
				"as replicator it lacks DescribeConfigs on the cluster",
			}
			if got := elsewhere(); !slices.Equal(got, wanted) {
				t.Errorf("as a replicator it says %q; want %q", got, wanted)
			}
			b.Grant(principal, apache.Right{Operation: "Read", Group: topics.ReplicatorGroup()},
				apache.Right{Operation: "Read", Group: topics.KeeperGroup(topics.ReplicationLinks())},
				apache.Right{Operation: "Write", TransactionalID: topics.Fences(), Prefixed: true}, apache.Right{Operation: "DescribeConfigs"})
			if got := elsewhere(); len(got) != 0 {
				t.Errorf("with all rights as a replicator it says %q", got)
			}
		})
	}
}
