package cluster_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

const password = "hunter2-do-not-show"

var tomorrow, yesterday = time.Now().Add(24 * time.Hour), time.Now().Add(-24 * time.Hour)

// soon is within which what cannot work must be told.
const soon = 25 * time.Second // on a slow machine; what is tried again is given up after 30 s

func start(t *testing.T, config embedded.Config) []string {
	t.Helper()
	b, err := embedded.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addrs()
}

func open(t *testing.T, config cluster.Config) *cluster.Cluster {
	t.Helper()
	config.Name = "prod"
	c, err := cluster.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// use does with a cluster what everybody does: over the Transport and in a group.
func use(t *testing.T, c *cluster.Cluster) error {
	t.Helper()
	if err := c.Check(t.Context()); err != nil {
		return err
	}
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "notes", Partitions: 1}}); err != nil {
		return err
	}
	// With the time of day: what is older than a topic keeps, its broker deletes.
	record := events.Record{Timestamp: time.Now().UnixMilli(), Value: []byte("a")}
	if _, err := c.Partition("notes", 0).Append(t.Context(), []events.Record{record}); err != nil {
		return err
	}
	return join(t, c, "g")
}

func user(mechanism string) embedded.User {
	return embedded.User{Mechanism: mechanism, Name: "alice", Password: password, Super: true}
}

func as(mechanism, file string) cluster.SASL {
	return cluster.SASL{Mechanism: mechanism, Username: "alice", PasswordFile: file}
}

func passwordFile(t *testing.T, password string) string {
	t.Helper()
	path := t.TempDir() + "/password"
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every way to secure a connection works on both of kafka-go's paths.
func TestSecureConnections(t *testing.T) {
	ca := testca.New(t)
	broker, client := ca.Issue("broker", tomorrow), ca.Issue("engine-1", tomorrow)
	encrypted := cluster.TLS{CAFile: ca.File}
	mutual := cluster.TLS{CAFile: ca.File, CertFile: client.CertFile, KeyFile: client.KeyFile}
	file := passwordFile(t, password)
	for name, c := range map[string]struct {
		broker    embedded.Config
		config    cluster.Config
		principal string
	}{
		"TLS":             {embedded.Config{TLS: ca.Server(broker, false)}, cluster.Config{TLS: encrypted}, "User:ANONYMOUS"},
		"mutual TLS":      {embedded.Config{TLS: ca.Server(broker, true)}, cluster.Config{TLS: mutual}, "User:CN=engine-1"},
		"PLAIN over TLS":  {embedded.Config{TLS: ca.Server(broker, false), Users: []embedded.User{user(cluster.Plain)}}, cluster.Config{TLS: encrypted, SASL: as(cluster.Plain, file)}, "User:alice"},
		"PLAIN, loopback": {embedded.Config{Users: []embedded.User{user(cluster.Plain)}}, cluster.Config{SASL: as(cluster.Plain, file)}, "User:alice"},
		"SCRAM-SHA-256":   {embedded.Config{Users: []embedded.User{user(cluster.ScramSHA256)}}, cluster.Config{SASL: as(cluster.ScramSHA256, file)}, "User:alice"},
		"SCRAM-SHA-512, mutual TLS": {embedded.Config{TLS: ca.Server(broker, true), Users: []embedded.User{user(cluster.ScramSHA512)}},
			cluster.Config{TLS: mutual, SASL: as(cluster.ScramSHA512, file)}, "User:alice"},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Brokers = start(t, c.broker)
			opened := open(t, c.config)
			if err := use(t, opened); err != nil {
				t.Fatal(err)
			}
			if got := opened.Principal(); got != c.principal {
				t.Errorf("the principal is %s, want %s", got, c.principal)
			}
		})
	}
}

// What cannot work is told at once, on both paths, with cluster, broker, principal,
// problem and remedy.
func TestConnectionsThatCannotWork(t *testing.T) {
	ca, other := testca.New(t), testca.New(t)
	broker, client := ca.Issue("broker", tomorrow), ca.Issue("engine-1", tomorrow)
	expired, late := ca.Issue("expired", yesterday), ca.Issue("late-engine", yesterday)
	stranger := other.Issue("stranger", tomorrow)
	encrypted := cluster.TLS{CAFile: ca.File}
	right, wrong := passwordFile(t, password), passwordFile(t, "wrong")
	secured := embedded.Config{TLS: ca.Server(broker, false)}
	mutual := embedded.Config{TLS: ca.Server(broker, true)}
	for name, c := range map[string]struct {
		broker embedded.Config
		config cluster.Config
		want   []string
	}{
		"wrong password, SCRAM":      {embedded.Config{Users: []embedded.User{user(cluster.ScramSHA512)}}, cluster.Config{SASL: as(cluster.ScramSHA512, wrong)}, []string{"User:alice", "refuses the user or the password"}},
		"wrong password, PLAIN":      {embedded.Config{Users: []embedded.User{user(cluster.Plain)}}, cluster.Config{SASL: as(cluster.Plain, wrong)}, []string{"User:alice", "refuses the user or the password"}},
		"no password file":           {embedded.Config{Users: []embedded.User{user(cluster.Plain)}}, cluster.Config{SASL: as(cluster.Plain, "/nonexistent")}, []string{"/nonexistent", "read the password of user alice"}},
		"wrong mechanism":            {embedded.Config{Users: []embedded.User{user(cluster.ScramSHA512)}}, cluster.Config{SASL: as(cluster.Plain, right)}, []string{"User:alice"}},
		"no SASL":                    {embedded.Config{Users: []embedded.User{user(cluster.ScramSHA512)}}, cluster.Config{}, []string{"User:ANONYMOUS", "demands SASL", "SCRAM-SHA-512", "--sasl-mechanism"}},
		"no SASL over TLS":           {embedded.Config{TLS: secured.TLS, Users: []embedded.User{user(cluster.ScramSHA512)}}, cluster.Config{TLS: encrypted}, []string{"demands SASL"}},
		"wrong CA":                   {secured, cluster.Config{TLS: cluster.TLS{CAFile: other.File}}, []string{"not signed by a CA that is trusted", "--tls-ca"}},
		"the system's CAs":           {secured, cluster.Config{TLS: cluster.TLS{Enabled: true}}, []string{"not signed by a CA that is trusted", "--tls-ca"}},
		"no CA file":                 {secured, cluster.Config{TLS: cluster.TLS{CAFile: "/nonexistent"}}, []string{"/nonexistent"}},
		"expired broker":             {embedded.Config{TLS: ca.Server(expired, false)}, cluster.Config{TLS: encrypted}, []string{"the broker's certificate is valid from", yesterday.UTC().Format("2006-01-02"), "renew"}},
		"another host":               {secured, cluster.Config{TLS: cluster.TLS{CAFile: ca.File, ServerName: "kafka.example"}}, []string{"not for kafka.example", "--tls-server-name"}},
		"no client certificate":      {mutual, cluster.Config{TLS: encrypted}, []string{"demands a client certificate", "--tls-cert"}},
		"expired client certificate": {mutual, cluster.Config{TLS: cluster.TLS{CAFile: ca.File, CertFile: late.CertFile, KeyFile: late.KeyFile}}, []string{"User:CN=late-engine", "refuses the client certificate of CN=late-engine", yesterday.UTC().Format("2006-01-02"), "renew"}},
		"a strange certificate":      {mutual, cluster.Config{TLS: cluster.TLS{CAFile: ca.File, CertFile: stranger.CertFile, KeyFile: stranger.KeyFile}}, []string{"User:CN=stranger", "refuses the client certificate"}},
		"key of another":             {mutual, cluster.Config{TLS: cluster.TLS{CAFile: ca.File, CertFile: client.CertFile, KeyFile: broker.KeyFile}}, []string{client.CertFile, "does not match"}},
		"plain text to TLS":          {secured, cluster.Config{}, []string{"speaks TLS here, not plain text", "--tls"}},
		"SASL in plain text to TLS":  {embedded.Config{TLS: secured.TLS, Users: []embedded.User{user(cluster.ScramSHA512)}}, cluster.Config{SASL: as(cluster.ScramSHA512, right)}, []string{"speaks TLS here, not plain text"}},
		"TLS to plain text":          {embedded.Config{}, cluster.Config{TLS: encrypted}, []string{"speaks plain text here, not TLS"}},
		"SASL where there is none":   {embedded.Config{}, cluster.Config{SASL: as(cluster.ScramSHA512, right)}, []string{"User:alice", "takes no SASL"}},
		"PLAIN where there is none":  {embedded.Config{}, cluster.Config{SASL: as(cluster.Plain, right)}, []string{"takes no SASL"}},
		"an address not allowed":     {embedded.Config{}, cluster.Config{AllowedAddresses: []string{"*.example"}}, []string{"advertises this address", "127.0.0.1", "advertised.listeners"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Brokers = start(t, c.broker)
			if name == "an address not allowed" { // which the brokers to begin with always are
				if err := use(t, open(t, cluster.Config{Brokers: c.config.Brokers})); err != nil {
					t.Fatal(err)
				}
				c.config.Brokers[0] = strings.Replace(c.config.Brokers[0], "127.0.0.1", "localhost", 1)
			}
			want := append(c.want, "cluster prod ("+c.config.Brokers[0]+")", ", as User:")
			began := time.Now()
			for path, try := range map[string]func(*cluster.Cluster) error{
				"transport": func(o *cluster.Cluster) error {
					_, err := o.Partition("notes", 0).Append(t.Context(), []events.Record{{Value: []byte("a")}})
					return err
				},
				"group": func(o *cluster.Cluster) error { return join(t, o, "g") },
			} {
				err := try(open(t, c.config))
				var rejected *cluster.Rejected
				if !errors.As(err, &rejected) || !cluster.IsDenied(err) || !eventlog.IsDenied(err) {
					t.Fatalf("%s: the error is %v, want a *Rejected", path, err)
				}
				for _, w := range want {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%s: the error is %q, want it to contain %q", path, err, w)
					}
				}
				if strings.Contains(err.Error(), password) {
					t.Errorf("%s: the error shows the password", path)
				}
				t.Logf("%s: %v", path, err)
			}
			if took := time.Since(began); took > soon {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
}

// A right that is missing is named: which operation, on which resource.
func TestRightsThatAreMissing(t *testing.T) {
	right := func(op kmsg.ACLOperation, resource kmsg.ACLResourceType, name string) embedded.Right {
		return embedded.Right{Operation: op, Resource: resource, Name: name}
	}
	topic, group := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	describe := right(kmsg.ACLOperationDescribe, topic, "notes")
	file := passwordFile(t, password)
	appendTo := func(t *testing.T, c *cluster.Cluster) error {
		_, err := c.Partition("notes", 0).Append(t.Context(), []events.Record{{Value: []byte("a")}})
		return err
	}
	fetch := func(t *testing.T, c *cluster.Cluster) error {
		_, err := c.Partition("notes", 0).Fetch(t.Context(), 0, 0)
		return err
	}
	ensure := func(name string) func(*testing.T, *cluster.Cluster) error {
		return func(t *testing.T, c *cluster.Cluster) error {
			_, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: name, Partitions: 1}})
			return err
		}
	}
	for name, c := range map[string]struct {
		rights []embedded.Right
		do     func(*testing.T, *cluster.Cluster) error
		want   cluster.Denied
	}{
		"append":                   {[]embedded.Right{describe}, appendTo, cluster.Denied{Operation: "Write", Resource: "topic", Name: "notes"}},
		"append to what is hidden": {nil, appendTo, cluster.Denied{Operation: "Write", Resource: "topic", Name: "notes"}},
		"read":                     {[]embedded.Right{describe}, fetch, cluster.Denied{Operation: "Read", Resource: "topic", Name: "notes"}},
		"read what is hidden":      {nil, fetch, cluster.Denied{Operation: "Read", Resource: "topic", Name: "notes"}},
		"offsets of what is hidden": {nil, func(t *testing.T, c *cluster.Cluster) error {
			_, _, err := c.Offsets(t.Context(), "notes", 0)
			return err
		}, cluster.Denied{Operation: "Describe", Resource: "topic", Name: "notes"}},
		"verify":                {[]embedded.Right{describe}, ensure("notes"), cluster.Denied{Operation: "DescribeConfigs", Resource: "topic", Name: "notes"}},
		"create":                {[]embedded.Right{right(kmsg.ACLOperationDescribe, topic, "more")}, ensure("more"), cluster.Denied{Operation: "Create", Resource: "topic", Name: "more"}},
		"create what is hidden": {nil, ensure("more"), cluster.Denied{Operation: "Describe", Resource: "topic", Name: "more"}},
		"join":                  {[]embedded.Right{describe}, func(t *testing.T, c *cluster.Cluster) error { return join(t, c, "g") }, cluster.Denied{Operation: "Read", Resource: "group", Name: "g"}},
		"join for a topic":      {[]embedded.Right{right(kmsg.ACLOperationRead, group, "g")}, func(t *testing.T, c *cluster.Cluster) error { return join(t, c, "g") }, cluster.Denied{Operation: "Describe", Resource: "topic", Name: "notes"}},
		"delete records": {[]embedded.Right{describe}, func(t *testing.T, c *cluster.Cluster) error {
			return c.Kafka().DeleteRecords(t.Context(), "notes", 0, 1)
		}, cluster.Denied{Operation: "Delete", Resource: "topic", Name: "notes"}},
		"partitions of what is hidden": {nil, func(t *testing.T, c *cluster.Cluster) error {
			_, err := c.Kafka().Partitions(t.Context(), "notes")
			return err
		}, cluster.Denied{Operation: "Describe", Resource: "topic", Name: "notes"}},
		"delete a topic": {[]embedded.Right{describe}, func(t *testing.T, c *cluster.Cluster) error {
			return c.Kafka().DeleteTopics(t.Context(), []string{"notes"})
		}, cluster.Denied{Operation: "Delete", Resource: "topic", Name: "notes"}},
	} {
		t.Run(name, func(t *testing.T) {
			brokers := start(t, embedded.Config{Users: []embedded.User{
				{Mechanism: cluster.ScramSHA256, Name: "admin", Password: "admin", Super: true},
				{Mechanism: cluster.ScramSHA256, Name: "alice", Password: password, Rights: c.rights},
			}})
			admin := open(t, cluster.Config{Brokers: brokers, SASL: cluster.SASL{Mechanism: cluster.ScramSHA256, Username: "admin", Password: "admin"}})
			if err := use(t, admin); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err := c.do(t, open(t, cluster.Config{Brokers: brokers, SASL: as(cluster.ScramSHA256, file)}))
			var denied *cluster.Denied
			if !errors.As(err, &denied) || !cluster.IsDenied(err) || !eventlog.IsDenied(err) {
				t.Fatalf("the error is %v, want a *Denied", err)
			}
			if denied.Operation != c.want.Operation || denied.Resource != c.want.Resource || denied.Name != c.want.Name {
				t.Errorf("it lacks %s on %s %s, want %s on %s %s", denied.Operation, denied.Resource, denied.Name, c.want.Operation, c.want.Resource, c.want.Name)
			}
			for _, w := range []string{"cluster prod (" + brokers[0] + ")", "User:alice", "--operation " + c.want.Operation, c.want.Name} {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error is %q, want it to contain %q", err, w)
				}
			}
			if took := time.Since(began); took > soon {
				t.Errorf("it took %v to say so", took)
			}
			t.Log(err)
		})
	}
}
