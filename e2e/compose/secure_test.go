//go:build compose

package compose

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// secured are the services that the secure stack is tried with, each kind at each site; what
// they depend on comes with them.
var secured = slices.Concat(demos, links, keepers, managers, []string{"scheduler-ams-1", "scheduler-fra-1", "allocator-ams-1"})

// secrets is the directory that deploy/secure/secrets.sh fills.
var secrets = filepath.Join(os.Getenv("SCRATCH"), "secrets")

// docker-compose.secure.yml over docker-compose.yml: all that a service has to do it may do,
// and nothing else, and who is not known is told so.
func TestComposeSecure(t *testing.T) {
	s := stack{t}
	t.Cleanup(s.tell)
	images(s)
	began := time.Now()
	s.compose(time.Minute, "down", "--volumes", "--remove-orphans") // What a failure of the other test left.
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	must(t, 30*second, root+"/deploy/secure/secrets.sh", secrets)
	t.Setenv("SECRETS", secrets)
	t.Setenv("COMPOSE_FILE", here+"/docker-compose.yml:"+here+"/docker-compose.secure.yml")
	t.Setenv("SPANWAY_CONFIG", secrets+"/config.yaml")
	for _, step := range []struct {
		name string
		do   func(stack)
	}{
		{"it comes up from nothing", stack.secureComesUp},
		{"tasks run at both sites", stack.tasksRun},
		{"identifiers are granted", stack.identifiersGranted},
		{"leases of queues end", stack.queuesKept},
		{"each site reads the tasks of the other", stack.copiesFollow},
		{"networks span both sites", stack.networksSpan},
		{"strangers are refused", stack.strangersRefused},
		{"foreign topics are refused", stack.foreignTopicsRefused},
		{"who submits does not act as the engine", stack.engineKeepsItsRights},
		{"Redis refuses who has no password", stack.redisRefuses},
		{"a password and a certificate are replaced while all runs", stack.secretsRotated},
		{"no password is shown", stack.nothingShown},
		{"the logs keep the guarantees", stack.verified},
		{"down leaves nothing", stack.down},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(stack{t}) }) {
			return
		}
	}
	t.Logf("it took %v", time.Since(began).Round(100*time.Millisecond))
}

func (s stack) secureComesUp() {
	began := time.Now()
	s.compose(3*time.Minute, append([]string{"up", "--no-build", "--detach", "--wait", "--wait-timeout", "150"}, secured...)...)
	s.Logf("from nothing to healthy: %v", time.Since(began).Round(100*time.Millisecond))
	for i, c := range s.inspect("principals-ams", "principals-fra") {
		if c.State.Status != "exited" || c.State.ExitCode != 0 || c.RestartCount > 0 {
			s.Errorf("principals-%s is %+v after %d restarts", sites[i], c.State, c.RestartCount)
		}
		if c.Config.User != "65532:65532" || !c.HostConfig.ReadonlyRootfs || !slices.Equal(c.HostConfig.CapDrop, []string{"ALL"}) || c.HostConfig.Memory == 0 {
			s.Errorf("principals-%s may do more than it needs: %+v", sites[i], c)
		}
	}
}

// ports are those of each site's Kafka on this host.
var ports = map[string]string{"ams": "127.0.0.1:29092", "fra": "127.0.0.1:29093"}

// as are flags that connect to the Kafka of a site with a user and the password of another.
func as(site, user, password string) []string {
	return []string{"--brokers", ports[site], "--tls-ca", secrets + "/ca/ca.pem", "--user", user, "--password-file", filepath.Join(secrets, password, "password")}
}

// strangersRefused connects as nobody that a Kafka knows.
func (s stack) strangersRefused() {
	var all sync.WaitGroup
	defer all.Wait()
	for _, c := range []struct {
		who   string
		flags []string
		want  string
	}{
		{"plain text", []string{"--brokers", ports["ams"]}, "the broker speaks TLS here, not plain text"},
		{"TLS without a CA", []string{"--brokers", ports["ams"], "--tls"}, "not signed by a CA that is trusted here"},
		{"TLS without a user", []string{"--brokers", ports["ams"], "--tls-ca", secrets + "/ca/ca.pem"}, "demands SASL by one of SCRAM-SHA-512"},
		{"another's password", as("ams", "scheduler-ams", "engine-ams"), "refuses the user or the password"},
		{"a user of the other site", as("ams", "scheduler-fra", "scheduler-fra"), "refuses the user or the password"},
		{"a certificate in place of a password", []string{"--brokers", ports["ams"], "--tls-ca", secrets + "/ca/ca.pem", "--tls-cert", secrets + "/admin-ams/tls.pem", "--tls-key", secrets + "/admin-ams/tls.pem"}, "demands SASL by one of SCRAM-SHA-512"},
	} {
		all.Go(func() { s.refused(c.who, c.want, root+"/bin/spanway", append(c.flags, "task", "list")...) })
	}
	// Where brokers and administrators are, a password is of no use.
	s.refused("a service at the listener of brokers", "demands a client certificate",
		"docker", "exec", named("scheduler-ams-1"), "spanway", "--brokers", "kafka-ams:9094", "task", "list")
}

// refused runs what must end with an error that says what is wanted.
func (s stack) refused(who, want, name string, args ...string) {
	s.Helper()
	if out, err := run(30*second, name, args...); err == nil || !strings.Contains(err.Error(), want) {
		s.Errorf("%s: it prints %q and ends with %v; want %q", who, out, err, want)
	}
}

// foreignTopicsRefused has services read and write what is not theirs.
func (s stack) foreignTopicsRefused() {
	s.refused("a scheduler with the rights of an engine", "User:engine-ams lacks the right", root+"/bin/spanway",
		append(as("ams", "engine-ams", "engine-ams"), "serve", "scheduler", "--http", "127.0.0.1:0")...)
	for _, c := range []struct{ site, user, read, write string }{
		{"ams", "engine-ams", "tasks.events", "tasks.events"},
		{"ams", "engine-ams", "ids.events", "tasks.requests"},
		{"ams", "demo-ams", "tasks.assignments", "tasks.events"},
		{"ams", "scheduler-ams", "ids.events", "ids.events"},
		{"ams", "allocator-ams", "tasks.events", "tasks.events"},
		{"ams", "links-ams", "tasks.events", "tasks.requests"},
		{"ams", "queues-ams", "tasks.events", "ids.events"},
		{"ams", "replicator-fra", "tasks.requests", "tasks.events"},
		{"ams", "operator-ams", "", "tasks.events"},
		{"fra", "replicator-fra", "tasks.events", "tasks.events"},
		{"fra", "engine-fra", "tasks.requests", "tasks.events"},
	} {
		s.foreign(c.site, c.user, c.read, c.write)
	}
}

// engineKeepsItsRights submits, as a person, what would use the password of the engine.
func (s stack) engineKeepsItsRights() {
	for _, args := range [][]string{
		{"--", "spanway", "log", "tail", "spanway.tasks.assignments", "--brokers", "kafka-ams:9092", "--tls-ca", "/run/secrets/ca/ca.pem",
			"--user", "engine-ams", "--password-file", "/run/secrets/engine-ams/password"},
		{"--", "spanway", "version", "--user", "engine-ams"},
		{"--kind", "exec", "--payload", `{"command":["spanway","version"],"env":{"SPANWAY_CONFIG":"/run/secrets/engine-ams/password"}}`},
	} {
		s.refused("a task that acts as the engine", "NOT_ALLOWED", root+"/bin/spanway", append([]string{"--site", "ams", "task", "submit", "--wait"}, args...)...)
	}
}

// foreign reads and writes topics as a user, and expects that both are refused.
func (s stack) foreign(site, user, read, write string) {
	s.Helper()
	c, err := cluster.Open(cluster.Config{
		Brokers: []string{ports[site]}, TLS: cluster.TLS{CAFile: secrets + "/ca/ca.pem"},
		SASL:   cluster.SASL{Mechanism: cluster.ScramSHA512, Username: user, PasswordFile: filepath.Join(secrets, user, "password")},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(s.Context(), 20*second)
	defer cancel()
	lacks := func(err error, right, topic string) {
		s.Helper()
		if want := "User:" + user + " lacks the right " + right; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), topic) {
			s.Errorf("%s on %s at %s: %v; want %q", right, topic, site, err, want)
		}
	}
	if read != "" {
		_, _, err = c.Offsets(ctx, events.DefaultPrefix+read, 0)
		lacks(err, "Describe", events.DefaultPrefix+read)
	}
	_, err = c.Partition(events.DefaultPrefix+write, 0).Append(ctx, []events.Record{{Value: []byte("a forged event")}})
	lacks(err, "", events.DefaultPrefix+write)
}

// redisRefuses asks Redis for something without TLS, without a password, and as who may not.
func (s stack) redisRefuses() {
	tls := []string{"--tls", "--cacert", "/run/secrets/ca/ca.pem"}
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"plain text":           {[]string{"get", "x"}, "onnection"}, // Reset, or closed.
		"no password":          {append(tls, "get", "x"), "NOAUTH"},
		"who may ask for life": {append(tls, "--user", "health", "--pass", s.password("redis/health"), "get", "x"), "NOPERM"},
		"an allocator":         {append(tls, "--user", "allocator-ams", "--pass", s.password("allocator-ams/redis"), "get", "x"), "NOPERM"},
	} {
		out, err := run(20*second, "docker", append([]string{"exec", named("redis"), "redis-cli"}, c.args...)...)
		if err != nil {
			out += err.Error()
		}
		if !strings.Contains(out, c.want) {
			s.Errorf("%s: Redis answers %q; want %s", what, out, c.want)
		}
	}
}

func (s stack) password(name string) string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(secrets, name))
	if err != nil || len(text) < 40 {
		s.Fatalf("the password of %s has %d bytes: %v", name, len(text), err)
	}
	return strings.TrimSpace(string(text))
}

// nothingShown looks for passwords where Docker and the services tell of themselves.
func (s stack) nothingShown() {
	ids := strings.Fields(must(s.T, 30*second, "docker", "ps", "--all", "--quiet"))
	shown := s.compose(30*second, "config") + s.compose(30*second, "logs", "--no-color") + must(s.T, 30*second, "docker", append([]string{"inspect"}, ids...)...)
	files, err := filepath.Glob(secrets + "/*/*")
	if err != nil {
		s.Fatal(err)
	}
	looked := 0
	for _, path := range append(files, secrets+"/ca.key") {
		name := strings.TrimPrefix(path, secrets+"/")
		if strings.Contains(filepath.Base(name), ".") && name != "ca.key" {
			continue
		}
		looked++
		if strings.Contains(shown, s.password(name)) {
			s.Errorf("the secret %s is shown", name)
		}
	}
	if looked < 10 {
		s.Errorf("%d secrets were looked for", looked)
	}
}
