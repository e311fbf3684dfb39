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
		})
	}
}
