package log

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Brokers hide a topic from who may not describe it, be it there or not. That is told, with the
// command that gives the right; only to others it is said that there is no such topic.
func TestATopicThatIsHiddenIsNotSaidToBeMissing(t *testing.T) {
	const password = "hunter2"
	b, err := embedded.Start(embedded.Config{Users: []embedded.User{
		{Mechanism: cluster.ScramSHA512, Name: "root", Password: password, Super: true},
		{Mechanism: cluster.ScramSHA512, Name: "eve", Password: password, Rights: []embedded.Right{
			{Operation: kmsg.ACLOperationRead, Resource: kmsg.ACLResourceTypeTopic, Name: "spanway.open"},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	clitest.Answers(t, b.Addrs()...)
	root, err := cluster.Open(cluster.Config{
		Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler),
		SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "root", Password: password},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(root.Close)
	if _, err := root.Ensure(t.Context(), []events.TopicSpec{{Name: "spanway.open", Partitions: 1}, {Name: "spanway.secret", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	lacks := func(topic string) string {
		return "topic " + topic + " does not exist, or its brokers hide it: cluster " + b.Addr() +
			": User:eve lacks the right Describe on topic " + topic + ": grant it, such as by kafka-acls --add"
	}
	for _, c := range []struct {
		user, topic, says string
		code              int
	}{
		{"eve", "open", "", cli.ExitDone},
		{"eve", "secret", lacks("spanway.secret"), cli.ExitUnavailable},
		{"eve", "none", lacks("spanway.none"), cli.ExitUnavailable},
		{"root", "none", `there is no topic "spanway.none"`, cli.ExitUsage},
	} {
		for _, command := range []string{"tail", "show"} {
			_, stderr, code := program.Call(t.Context(), "", "log", command, c.topic, "--brokers", b.Addr(), "--user", c.user, "--password-file", file)
			if code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("as %s log %s %s ends with %d and says %q; want %d and %q", c.user, command, c.topic, code, stderr, c.code, c.says)
			}
		}
	}
}
