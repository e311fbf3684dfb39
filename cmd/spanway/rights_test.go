package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// guarded is a broker with all topics, where eve may do nothing and rita read every topic.
// It returns its address and the file with the password of both.
func guarded(t *testing.T) (addr, file string) {
	t.Helper()
	b, err := embedded.Start(embedded.Config{Users: []embedded.User{
		{Mechanism: cluster.ScramSHA512, Name: "root", Password: secret, Super: true},
		{Mechanism: cluster.ScramSHA512, Name: "eve", Password: secret, Rights: []embedded.Right{
			{Operation: kmsg.ACLOperationRead, Resource: kmsg.ACLResourceTypeTopic, Name: "other"},
		}},
		{Mechanism: cluster.ScramSHA512, Name: "rita", Password: secret, Rights: []embedded.Right{
			{Operation: kmsg.ACLOperationRead, Resource: kmsg.ACLResourceTypeTopic, Name: "*"},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	clitest.Answers(t, b.Addrs()...)
	root, err := cluster.Open(cluster.Config{
		Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler),
		SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "root", Password: secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(root.Close)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	logs := slices.Concat(topics.Catalogue(), topics.ReplicationLogs(), topics.NetworkLogs(), topics.QueueLogs("q"))
	if _, err := root.Ensure(t.Context(), events.Specs(logs)); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	create := []string{"queue", "create", "q", "--brokers", b.Addr(), "--user", "root", "--password-file", file}
	if _, said, code := program.Call(t.Context(), "", create...); code != cli.ExitDone {
		t.Fatalf("queue create ends with %d: %s", code, said)
	}
	return b.Addr(), file
}

// readsOnly are the commands that write nothing; failover does not get that far without a link, link
// withdraw without an announcement, network delete without an object, network revert without a change,
// and the promotions without a copy.
var readsOnly = []string{
	"doctor", "engine list", "engine show", "engine watch", "id list", "id show", "id watch", "link applications", "link audit", "link failover", "link group list",
	"link groups", "link list", "link withdraw", "link show", "link translate", "link watch", "log dead", "log list", "log replay", "log reset", "log show",
	"log tail", "network delete", "network diff", "network get", "network history", "network list", "network promote", "network revert", "network show", "network why", "pool list", "pool promote", "pool show", "pool watch", "queue list", "queue show", "queue watch", "site list", "site show", "task list", "task show",
	"task watch", "task what-if", "task why", "trace", "verify",
}

// inPlainText are the commands that take no user.
var inPlainText = []string{"bench pools", "bench tasks"}

// atOnce is how many commands ask one broker at a time. Each of them is answered by the rights
// it lacks only where the broker answers within the time of a request: with a hundred at once,
// each with its own salted password, a machine that is busy does not get to them in time.
const atOnce = 4

// Each command that asks a broker names the right that is missing, and how it is given: where
// its user has none, so that brokers hide all topics, and where it may read and the command
// writes. It does not say that there are no topics.
func TestEachCommandNamesTheRightThatIsMissing(t *testing.T) {
	addr, password := guarded(t)
	fill := askedFiles(t)
	var calls errgroup.Group
	calls.SetLimit(atOnce)
	for name, args := range asked {
		for _, user := range []string{"eve", "rita"} {
			if slices.Contains(inPlainText, name) || user == "rita" && slices.Contains(readsOnly, name) {
				continue
			}
			line := append(strings.Fields(name), strings.Fields(fill.Replace(args))...)
			line = append(line, "--brokers", addr, "--user", user, "--password-file", password)
			calls.Go(func() error {
				const ends = 2 * time.Minute // for a command that would wait for ever
				ctx, cancel := context.WithTimeout(t.Context(), ends)
				defer cancel()
				lacking(ctx, t, user, line)
				return nil
			})
		}
	}
	_ = calls.Wait() // Nothing returns an error: each tells the test.
}

// lacking expects that a command names the right that its user lacks.
func lacking(ctx context.Context, t *testing.T, user string, line []string) {
	t.Helper()
	stdout, stderr, code := program.Call(ctx, "", line...)
	want, said := cli.ExitUnavailable, stderr
	lacks, grant := "User:"+user+" lacks the right ", "grant it, such as by kafka-acls --add --allow-principal 'User:"+user+"'"
	if line[0] == "doctor" { // Its findings are what it prints.
		want, said, stdout = cli.ExitDone, stdout, ""
		lacks, grant = "User:"+user+" may not describe it", "give it Describe on the topic"
	}
	if code != want || stdout != "" || !strings.Contains(said, lacks) || !strings.Contains(said, grant) || strings.Contains(said, "no topic") {
		t.Errorf("%q ends with %d, stdout %q, and says %q; want %d and %q", line, code, stdout, said, want, lacks)
	}
}
