package cluster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// A real Kafka, with TLS, SASL and rights: what works, and what it says of what cannot.
func TestApacheSecurity(t *testing.T) {
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) {
			ca, other := testca.New(t), testca.New(t)
			broker, late := ca.Issue("broker", tomorrow), ca.Issue("late-broker", yesterday)
			b := apache.Start(t, apache.Config{Version: version, Secure: &apache.Secure{
				KeyFile: broker.BothFile, ExpiredKeyFile: late.BothFile, CAFile: ca.File,
				Users: map[string]string{"alice": password, "bob": password},
			}})
			admin := open(t, cluster.Config{Brokers: []string{b.Addr()}})
			if _, err := admin.Ensure(t.Context(), []events.TopicSpec{{Name: "notes", Partitions: 1}}); err != nil {
				t.Fatal(err)
			}
			b.Grant("User:alice", apache.Right{Operation: "All", Topic: "notes"}, apache.Right{Operation: "Read", Group: "g"})
			b.Grant("User:CN=engine-1", apache.Right{Operation: "All", Topic: "notes"}, apache.Right{Operation: "Read", Group: "g"})
			b.Grant("User:bob", apache.Right{Operation: "Describe", Topic: "notes"}, apache.Right{Operation: "Read", Group: "bobs"})
			apacheWorks(t, b, ca)
			apacheRejects(t, b, ca, other)
			apacheDenies(t, b, ca)
		})
	}
}

// A broker ends a session that is not authenticated anew, which kafka-go does not do:
// what is under way goes on over new connections.
func TestApacheSessionsThatExpire(t *testing.T) {
	ca := testca.New(t)
	key := ca.Issue("broker", tomorrow).BothFile
	b := apache.Start(t, apache.Config{
		Properties: map[string]string{"connections.max.reauth.ms": "500"},
		Secure:     &apache.Secure{KeyFile: key, ExpiredKeyFile: key, CAFile: ca.File, Users: map[string]string{"alice": password}},
	})
	if _, err := open(t, cluster.Config{Brokers: []string{b.Addr()}}).Ensure(t.Context(), []events.TopicSpec{{Name: "notes", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	b.Grant("User:alice", apache.Right{Operation: "All", Topic: "notes"})
	var wires network
	c := open(t, cluster.Config{
		Brokers: []string{b.Listener(apache.SASL)}, TLS: cluster.TLS{CAFile: ca.File},
		SASL: as(cluster.ScramSHA512, passwordFile(t, password)), Dial: wires.dial,
	})
	log := c.Partition("notes", 0)
	sent := int64(0)
	for began := time.Now(); wires.opened() < 8; sent++ {
		if base, err := log.Append(t.Context(), []events.Record{{Value: []byte("a")}}); err != nil || base != sent {
			t.Fatalf("record %d is at %d, %v", sent, base, err)
		}
		if time.Since(began) > 6*soon {
			t.Fatalf("%d connections were opened: no session has ended", wires.opened())
		}
	}
	if start, end, err := c.Offsets(t.Context(), "notes", 0); start != 0 || end != sent || err != nil {
		t.Errorf("the log holds [%d, %d), %v; want [0, %d)", start, end, err, sent)
	}
}

// apacheWorks uses every way to connect.
func apacheWorks(t *testing.T, b *apache.Broker, ca *testca.Authority) {
	engine := ca.Issue("engine-1", tomorrow)
	mutual := cluster.TLS{CAFile: ca.File, CertFile: engine.CertFile, KeyFile: engine.KeyFile}
	file := passwordFile(t, password)
	for name, config := range map[string]cluster.Config{
		"SCRAM-SHA-512": {Brokers: []string{b.Listener(apache.SASL)}, TLS: cluster.TLS{CAFile: ca.File}, SASL: as(cluster.ScramSHA512, file)},
		"SCRAM-SHA-256": {Brokers: []string{b.Listener(apache.SASL)}, TLS: cluster.TLS{CAFile: ca.File}, SASL: as(cluster.ScramSHA256, file)},
		"PLAIN":         {Brokers: []string{b.Listener(apache.SASL)}, TLS: cluster.TLS{CAFile: ca.File}, SASL: as(cluster.Plain, file)},
		"mutual TLS":    {Brokers: []string{b.Listener(apache.Mutual)}, TLS: mutual},
	} {
		t.Run(name, func(t *testing.T) {
			if err := use(t, open(t, config)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// apacheRejects tries what cannot work, on both of kafka-go's paths.
func apacheRejects(t *testing.T, b *apache.Broker, ca, other *testca.Authority) {
	expired, stranger := ca.Issue("late-engine", yesterday), other.Issue("stranger", tomorrow)
	encrypted := cluster.TLS{CAFile: ca.File}
	right, wrong := passwordFile(t, password), passwordFile(t, "wrong")
	carol := as(cluster.ScramSHA512, right)
	carol.Username = "carol"
	for name, c := range map[string]struct {
		broker string
		config cluster.Config
		want   []string
	}{
		"wrong password, SCRAM":      {b.Listener(apache.SASL), cluster.Config{TLS: encrypted, SASL: as(cluster.ScramSHA512, wrong)}, []string{"as User:alice", "refuses the user or the password", "SASL Authentication Failed"}},
		"wrong password, PLAIN":      {b.Listener(apache.SASL), cluster.Config{TLS: encrypted, SASL: as(cluster.Plain, wrong)}, []string{"as User:alice", "refuses the user or the password"}},
		"no such user":               {b.Listener(apache.SASL), cluster.Config{TLS: encrypted, SASL: carol}, []string{"as User:carol", "refuses the user or the password"}},
		"no SASL":                    {b.Listener(apache.SASL), cluster.Config{TLS: encrypted}, []string{"demands SASL", "SCRAM-SHA-512"}},
		"SASL to one without":        {b.Addr(), cluster.Config{SASL: as(cluster.ScramSHA512, right)}, []string{"takes no SASL"}},
		"wrong CA":                   {b.Listener(apache.SASL), cluster.Config{TLS: cluster.TLS{CAFile: other.File}, SASL: as(cluster.ScramSHA512, right)}, []string{"not signed by a CA that is trusted"}},
		"expired broker":             {b.Listener(apache.Expired), cluster.Config{TLS: encrypted}, []string{"the broker's certificate is valid from"}},
		"no client certificate":      {b.Listener(apache.Mutual), cluster.Config{TLS: encrypted}, []string{"demands a client certificate"}},
		"expired client certificate": {b.Listener(apache.Mutual), cluster.Config{TLS: cluster.TLS{CAFile: ca.File, CertFile: expired.CertFile, KeyFile: expired.KeyFile}}, []string{"as User:CN=late-engine", "refuses the client certificate of CN=late-engine, which is valid from"}},
		"a strange certificate":      {b.Listener(apache.Mutual), cluster.Config{TLS: cluster.TLS{CAFile: ca.File, CertFile: stranger.CertFile, KeyFile: stranger.KeyFile}}, []string{"refuses the client certificate of CN=stranger"}},
		"plain text to TLS":          {b.Listener(apache.Expired), cluster.Config{}, []string{"speaks TLS here, not plain text"}},
		"plain text to SASL":         {b.Listener(apache.SASL), cluster.Config{SASL: as(cluster.ScramSHA512, right)}, []string{"speaks TLS here, not plain text"}},
		"TLS to plain text":          {b.Addr(), cluster.Config{TLS: encrypted}, []string{"speaks plain text here, not TLS"}},
		"an address not allowed":     {strings.Replace(b.Addr(), "127.0.0.1", "localhost", 1), cluster.Config{AllowedAddresses: []string{"10.0.0.0/8"}}, []string{"advertises this address"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Brokers = []string{c.broker}
			c.config.Name = "prod"
			for path, try := range map[string]func(*cluster.Cluster) error{
				"transport": func(o *cluster.Cluster) error {
					_, err := o.Partition("notes", 0).Fetch(t.Context(), 0, 0)
					return err
				},
				"group": func(o *cluster.Cluster) error { return join(t, o, "g") },
			} {
				began := time.Now()
				err := try(open(t, c.config))
				var rejected *cluster.Rejected
				if !errors.As(err, &rejected) {
					t.Fatalf("%s: the error is %v, want a *Rejected", path, err)
				}
				for _, w := range append(c.want, "cluster prod ("+c.broker+")") {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%s: the error is %q, want it to contain %q", path, err, w)
					}
				}
				if took := time.Since(began); took > soon {
					t.Errorf("%s: it took %v to say so", path, took)
				}
				t.Logf("%s: %v", path, err)
			}
		})
	}
}

// apacheDenies tries what a principal has no right to.
func apacheDenies(t *testing.T, b *apache.Broker, ca *testca.Authority) {
	bob := as(cluster.ScramSHA512, passwordFile(t, password))
	bob.Username = "bob"
	o := open(t, cluster.Config{Brokers: []string{b.Listener(apache.SASL)}, TLS: cluster.TLS{CAFile: ca.File}, SASL: bob})
	record := []events.Record{{Value: []byte("a")}}
	for name, c := range map[string]struct {
		do   func() error
		want cluster.Denied
	}{
		"append":           {func() error { _, err := o.Partition("notes", 0).Append(t.Context(), record); return err }, cluster.Denied{Operation: "Write", Resource: "topic", Name: "notes"}},
		"read":             {func() error { _, err := o.Partition("notes", 0).Fetch(t.Context(), 0, 0); return err }, cluster.Denied{Operation: "Read", Resource: "topic", Name: "notes"}},
		"read of a hidden": {func() error { _, err := o.Partition("hidden", 0).Fetch(t.Context(), 0, 0); return err }, cluster.Denied{Operation: "Read", Resource: "topic", Name: "hidden"}},
		"delete records":   {func() error { return o.Kafka().DeleteRecords(t.Context(), "notes", 0, 1) }, cluster.Denied{Operation: "Delete", Resource: "topic", Name: "notes"}},
		"verify": {func() error {
			_, err := o.Ensure(t.Context(), []events.TopicSpec{{Name: "notes", Partitions: 1}})
			return err
		}, cluster.Denied{Operation: "DescribeConfigs", Resource: "topic", Name: "notes"}},
		"create": {func() error {
			_, err := o.Ensure(t.Context(), []events.TopicSpec{{Name: "more", Partitions: 1}})
			return err
		}, cluster.Denied{Operation: "Describe", Resource: "topic", Name: "more"}},
		"join":   {func() error { return join(t, o, "g") }, cluster.Denied{Operation: "Read", Resource: "group", Name: "g"}},
		"commit": {func() error { return join(t, o, "bobs") }, cluster.Denied{Operation: "Read", Resource: "topic", Name: "notes"}},
	} {
		t.Run("no right to "+name, func(t *testing.T) {
			began := time.Now()
			err := c.do()
			var denied *cluster.Denied
			if !errors.As(err, &denied) {
				t.Fatalf("the error is %v, want a *Denied", err)
			}
			if denied.Operation != c.want.Operation || denied.Resource != c.want.Resource || denied.Name != c.want.Name || denied.Principal != "User:bob" {
				t.Errorf("the error is %v, want %s on %s %s for User:bob", err, c.want.Operation, c.want.Resource, c.want.Name)
			}
			if took := time.Since(began); took > soon {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
}
