package run

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// guarded is an Apache Kafka on which each role has a user of its name.
type guarded struct {
	broker *apache.Broker
	ca     *testca.Authority
}

func guard(t *testing.T, version string) *guarded {
	t.Helper()
	ca := testca.New(t)
	key := ca.Issue("broker", time.Now().Add(time.Hour)).BothFile
	users := map[string]string{}
	for _, role := range events.Roles() {
		users[string(role)] = partsPassword
	}
	return &guarded{apache.Start(t, apache.Config{Version: version, Secure: &apache.Secure{KeyFile: key, ExpiredKeyFile: key, CAFile: ca.File, Users: users}}), ca}
}

// as connects a role by its user.
func (g *guarded) as(t *testing.T, role events.Role) *cluster.Cluster {
	t.Helper()
	return (&programs{t: t, brokers: []string{g.broker.Listener(apache.SASL)}, ca: g.ca}).open(string(role))
}

// operator connects by the listener whose clients may do everything.
func (g *guarded) operator(t *testing.T) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: []string{g.broker.Addr()}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// prepare makes topics beforehand, however long that takes: a service gives up.
func (g *guarded) prepare(t *testing.T, logs []events.Log) {
	t.Helper()
	all := g.operator(t)
	for _, l := range logs {
		err := becomes(t.Context(), func() (bool, error) {
			_, err := all.Ensure(t.Context(), events.Specs([]events.Log{l}))
			return err == nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// granted gives roles the rights that deploy/acls/acls.sh says, and returns them.
func (g *guarded) granted(t *testing.T, roles []events.Role, options ...string) map[events.Role][]apache.Right {
	t.Helper()
	all := map[events.Role][]apache.Right{}
	for _, role := range roles {
		all[role] = printed(t, append(options, fmt.Sprintf("%s=User:%s", role, role))...)
		g.broker.Grant("User:"+string(role), all[role]...)
	}
	return all
}

// scripted runs deploy/acls/acls.sh with Kafka's own tool.
func (g *guarded) scripted(t *testing.T, args ...string) {
	t.Helper()
	script := exec.Command("sh", append([]string{"../../deploy/acls/acls.sh", "--bootstrap-server", g.broker.Addr()}, args...)...)
	script.Env = append(script.Environ(), "KAFKA_ACLS="+g.broker.ACLTool())
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// printed are the rights of the commands that deploy/acls/acls.sh prints.
func printed(t *testing.T, args ...string) (rights []apache.Right) {
	t.Helper()
	args = append([]string{"../../deploy/acls/acls.sh", "--print", "--bootstrap-server", "none:1"}, args...)
	out, err := exec.Command("sh", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	for line := range strings.Lines(string(out)) {
		rights = append(rights, parse(t, strings.Fields(strings.ReplaceAll(line, "'", "")))...)
	}
	return rights
}

// parse reads a command of kafka-acls: each of its operations, on each of its resources.
func parse(t *testing.T, words []string) (rights []apache.Right) {
	t.Helper()
	var operations []string
	var on []apache.Right
	prefixed := false
	for i, word := range words {
		value := words[min(i+1, len(words)-1)]
		switch word {
		case "--operation":
			operations = append(operations, value)
		case "--topic":
			on = append(on, apache.Right{Topic: value})
		case "--group":
			on = append(on, apache.Right{Group: value})
		case "--transactional-id":
			on = append(on, apache.Right{TransactionalID: value})
		case "--cluster":
			on = append(on, apache.Right{})
		case "--resource-pattern-type":
			prefixed = value == "prefixed"
		}
	}
	for _, r := range on {
		for _, r.Operation = range operations {
			r.Prefixed = prefixed
			rights = append(rights, r)
		}
	}
	if len(rights) == 0 {
		t.Errorf("no rights in %v", words)
	}
	return rights
}

// work is what a role does. It returns nil when everything that takes a right was done.
type work func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error

// eachTakenAway has a role work with all of its rights, and without each of them, which it
// must then name. How long each took is logged.
func (g *guarded) eachTakenAway(t *testing.T, role events.Role, rights []apache.Right, do work) {
	t.Helper()
	principal, began := "User:"+string(role), time.Now()
	said, err := g.work(t, role, do, "")
	t.Logf("%s, with all rights: %v", role, time.Since(began))
	if err != nil || strings.Contains(said, principal+" lacks the right") {
		t.Fatalf("%s, with all rights: %v\n%s", role, err, said)
	}
	for _, r := range rights {
		if r.Operation == "Create" && !r.Prefixed {
			continue // The topics are there: see create.
		}
		began = time.Now()
		g.broker.Revoke(principal, r)
		instead, implied := r, bare(rights, r)
		if instead.Operation = implied; implied != "" {
			g.broker.Grant(principal, instead) // Else it would say that this is missing.
		}
		want := lacks(role, r)
		said, err = g.work(t, role, do, want)
		if implied != "" {
			g.broker.Revoke(principal, instead)
		}
		g.broker.Grant(principal, r)
		switch all := fmt.Sprint(said, err); {
		case strings.Contains(all, want):
			t.Logf("%s without %+v: %v", role, r, time.Since(began))
		case err == nil:
			t.Errorf("%s does everything without %+v: delete it from the catalogue", role, r)
		default:
			t.Errorf("%s without %+v, after %v, says\n%s\nwant %q", role, r, time.Since(began), all, want)
		}
	}
}

// lacks is what is said when a right is missing.
func lacks(role events.Role, r apache.Right) string {
	on := "the cluster"
	switch {
	case r.Topic != "":
		on = "topic " + r.Topic
	case r.Group != "":
		on = "group " + r.Group
	case r.TransactionalID != "":
		on = "transactional-id " + r.TransactionalID
	}
	return fmt.Sprintf("User:%s lacks the right %s on %s", role, r.Operation, on)
}

// bare is what r implies and no other right does, if there is such a thing: without it the
// brokers would tell of that alone, or hide the topic.
func bare(rights []apache.Right, r apache.Right) string {
	for implied, by := range map[string][]string{"DescribeConfigs": {"AlterConfigs"}, "Describe": {"Read", "Write", "Delete", "Alter"}} {
		if r.Topic == "" || !slices.Contains(by, r.Operation) {
			continue
		}
		if !slices.ContainsFunc(rights, func(other apache.Right) bool {
			same := other
			same.Operation = r.Operation
			return same == r && other != r && slices.Contains(append(by, implied), other.Operation)
		}) {
			return implied
		}
	}
	return ""
}

// work has a role work until it is done, or it, or its connection, has said what is wanted.
func (g *guarded) work(t *testing.T, role events.Role, do work, want string) (said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	heard := &listener{want: want, heard: cancel}
	log := slog.New(slog.NewTextHandler(heard, nil))
	p := &programs{t: t, brokers: []string{g.broker.Listener(apache.SASL)}, ca: g.ca, log: log}
	c := p.open(string(role))
	defer c.Close()
	err = do(ctx, c, log)
	return heard.text(), err
}

// listener is a log, which tells when something was said.
type listener struct {
	want  string
	heard func()

	mu  sync.Mutex
	all bytes.Buffer
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.want != "" && strings.Contains(string(p), l.want) {
		l.heard()
	}
	return l.all.Write(p)
}

func (l *listener) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// create has a role create its topics under another prefix, each without and then with the
// right to do so. How many partitions they have is all the same.
func (g *guarded) create(t *testing.T, role events.Role) {
	t.Helper()
	c, principal, prefix := g.as(t, role), "User:"+string(role), string(role)+"."
	topics := events.Topics{Prefix: prefix}
	logs := slices.DeleteFunc(topics.UsedBy(role), func(l events.Log) bool { return l.Foreign })
	if role == events.RoleQueueHost {
		logs = topics.QueueLogs("orders")
	}
	g.broker.Grant(principal, printed(t, "--prefix", prefix, "--queue", "orders", "--copy", "none", fmt.Sprintf("%s=%s", role, principal))...)
	specs := events.Specs(logs)
	for i, l := range logs {
		specs[i].Partitions = 1
		r := apache.Right{Operation: "Create", Topic: l.Topic}
		g.broker.Revoke(principal, r)
		if _, err := c.Ensure(t.Context(), specs[i:i+1]); err == nil || !strings.Contains(err.Error(), lacks(role, r)) {
			t.Errorf("%s creates %s without the right to: %v", role, l.Topic, err)
		}
		g.broker.Grant(principal, r)
	}
	if _, err := c.Ensure(t.Context(), specs); err != nil {
		t.Errorf("%s, with all rights: %v", role, err)
	}
}

// foreign has each role write and read what it has no right to.
func (g *guarded) foreign(t *testing.T) {
	topics := events.Topics{Prefix: events.DefaultPrefix}
	logs := slices.Concat(topics.Catalogue(), topics.QueueLogs("orders"), topics.ReplicationLogs(), topics.NetworkLogs())
	for _, role := range events.Roles() {
		c := g.as(t, role)
		for _, l := range logs {
			may := l.Rights(role)
			if !slices.Contains(may, "Write") {
				_, err := c.Partition(l.Topic, 0).Append(t.Context(), []events.Record{{Value: []byte("foreign")}})
				if !cluster.IsDenied(err) {
					t.Errorf("%s writes to %s: %v", role, l.Topic, err)
				}
			}
			if !slices.Contains(may, "Read") {
				if _, err := c.Partition(l.Topic, 0).Fetch(t.Context(), 0, time.Millisecond); !cluster.IsDenied(err) {
					t.Errorf("%s reads %s: %v", role, l.Topic, err)
				}
			}
		}
	}
}
