package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// language is an example in another language, as its README says to run it.
type language struct {
	name string
	// tools must be in PATH, and built must be there: `make producers-install` makes it.
	tools []string
	built string
	// submit is the command without the task's own words.
	submit func(words ...string) *exec.Cmd
	// forwarded: its partitioner is not ours, and the request goes to a wrong partition.
	forwarded bool
}

const producers = "../examples/producers"

func languages() []language {
	in := func(dir, name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = filepath.Join(producers, dir)
		return cmd
	}
	return []language{
		{"python", []string{"python3"}, "python/.venv/.complete", func(words ...string) *exec.Cmd {
			return in("python", ".venv/bin/python", append([]string{"submit.py"}, words...)...)
		}, true},
		{"node", []string{"node", "npm"}, "node/node_modules/.complete", func(words ...string) *exec.Cmd {
			return in("node", "node", append([]string{"submit.js"}, words...)...)
		}, false},
		{"java", []string{"java", "javac", "mvn"}, "java/target/producer.jar", func(words ...string) *exec.Cmd {
			return in("java", "java", append([]string{"-jar", "target/producer.jar"}, words...)...)
		}, false},
		{"kcat", []string{"kcat", "jq"}, "kcat/submit.sh", func(words ...string) *exec.Cmd {
			return in("kcat", "./submit.sh", words...)
		}, true},
	}
}

// require skips the test, loudly, where the language's tools are missing; with
// CI=true it fails.
func (l language) require(t *testing.T) {
	t.Helper()
	var err error
	for _, tool := range l.tools {
		if _, missing := exec.LookPath(tool); missing != nil {
			err = missing
		}
	}
	if err == nil {
		_, err = os.Stat(filepath.Join(producers, l.built))
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("the %s example must be tested where CI=true: %v", l.name, err)
	default:
		fmt.Fprintf(os.Stderr, "\n*** SKIPPED %s: THE %s EXAMPLE WAS NOT TESTED: %v; `make producers` installs what it can\n\n", t.Name(), strings.ToUpper(l.name), err)
		t.Skipf("the %s example was not tested: %v", l.name, err)
	}
}

// run runs an example against the system and returns what it printed and its exit code.
func (s *system) run(cmd *exec.Cmd, env ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd.Env = append(os.Environ(), "SPANWAY_BROKERS="+s.broker.Addr(), "SPANWAY_PREFIX="+s.prefix, answers,
		"PATH="+filepath.Dir(s.binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatalf("%s: %v", cmd, err)
	}
	return out.String(), log.String(), cmd.ProcessState.ExitCode()
}

// A task can be submitted, and its end be awaited, from anything that speaks
// Kafka: on a deployment that writes protobuf and on one that writes JSON, with
// whatever partitioner the client has.
func TestApacheProducers(t *testing.T) {
	broker := onApache(t)
	deployment := func(t *testing.T, prefix string, args ...string) *system {
		s := systemOn(t, broker, prefix)
		s.scheduler(args...)
		s.engineProcess("e", args...).log.await(t, "msg=ready", patience)
		return s
	}
	t.Run("protobuf", func(t *testing.T) {
		s := deployment(t, events.DefaultPrefix)
		forged := s.forger(t) // What it writes is a finding of spanway verify, so that is not asked.
		for _, l := range languages() {
			t.Run(l.name, func(t *testing.T) {
				l.require(t)
				s.succeeds(t, l)
				s.refuses(t, l)
				s.isNotDeceived(t, l, forged)
			})
		}
	})
	t.Run("json", func(t *testing.T) {
		s := deployment(t, "other.", "--json")
		for _, l := range languages() {
			t.Run(l.name, func(t *testing.T) {
				l.require(t)
				s.succeeds(t, l)
				s.fails(t, l)
			})
		}
		s.verify()
	})
}

func (s *system) succeeds(t *testing.T, l language) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(l.name), 0o600); err != nil {
		t.Fatal(err)
	}
	out, log, code := s.run(l.submit("sha256sum", file))
	if want := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(l.name)), file); code != 0 || out != want {
		t.Errorf("ends with %d and prints %q, want 0 and %q\n%s", code, out, want, log)
	}
	n := 0
	for _, r := range s.tail() {
		if *r.Counts && r.Headers[events.HeaderType] == string(events.TypeTaskForwarded) && r.sent("/examples/"+l.name) {
			n++
		}
	}
	if l.forwarded != (n > 0) {
		t.Errorf("%d requests were forwarded, want some: %v", n, l.forwarded)
	}
}

func (s *system) fails(t *testing.T, l language) {
	t.Helper()
	if out, log, code := s.run(l.submit("rm")); code != 4 || out != "" || !strings.Contains(log, "NOT_ALLOWED") {
		t.Errorf("a task that fails: ends with %d and prints %q, want 4 and NOT_ALLOWED\n%s", code, out, log)
	}
}

func (s *system) refuses(t *testing.T, l language) {
	t.Helper()
	if out, log, code := s.run(l.submit("true"), "SPANWAY_WHERE=engine."); code != 1 || out != "" || !strings.Contains(log, "BAD_PREDICATE") {
		t.Errorf("a task that is refused: ends with %d and prints %q, want 1 and BAD_PREDICATE\n%s", code, out, log)
	}
}

// forgers is a pool with one engine. While that works, a stranger says in the log
// that the task has ended, with a result of its own, under the header that is set.
const forgers events.Pool = "forgers"

func (s *system) forger(t *testing.T) *atomic.Pointer[eventlog.Header] {
	t.Helper()
	var mark atomic.Pointer[eventlog.Header]
	k := kafka.New(kafka.Config{Brokers: []string{s.broker.Addr()}})
	t.Cleanup(k.Close)
	log := k.Partition(events.Topics{Prefix: s.prefix}.Events(), events.PoolPartition(forgers))
	s.engine(engine.Config{ID: "forger", Pool: string(forgers)}, "exec", func(ctx context.Context, task *engine.Task) ([]byte, error) {
		forged := fmt.Sprintf(`{"taskId":%q,"pool":%q,"result":%q}`, task.ID, forgers, base64.StdEncoding.EncodeToString([]byte("forged")))
		_, err := log.Append(ctx, stranger(*mark.Load(), forged))
		return []byte("true"), err
	})
	return &mark
}

func (s *system) isNotDeceived(t *testing.T, l language, forged *atomic.Pointer[eventlog.Header]) {
	t.Helper()
	mark := s.newest(t, forgers) // of this epoch, but of a history that is over
	mark.Records = 1
	forged.Store(&mark)
	if out, log, code := s.run(l.submit("x"), "SPANWAY_POOL="+string(forgers)); code != 0 || out != "true" {
		t.Errorf("a task of which a stranger says that it ended: ends with %d and prints %q, want 0 and the result\n%s", code, out, log)
	}
}

// tailed is a record of tasks.events as `spanway log tail` judges and prints it.
type tailed struct {
	Partition int32
	Offset    int64
	Headers   map[string]string
	Data      map[string]any
	Counts    *bool
}

// sent tells whether the event keeps a record that came from that source.
func (r tailed) sent(source string) bool {
	raw, _ := json.Marshal(r.Data["raw"])
	return bytes.Contains(raw, []byte(base64.StdEncoding.EncodeToString([]byte(source))))
}

// tail reads all of tasks.events that is kept.
func (s *system) tail() []tailed {
	s.t.Helper()
	out, log, code := s.run(exec.Command(s.binary, "log", "tail", "tasks.events", "--from-start", "-o", "json"))
	if code != 0 {
		s.t.Fatalf("log tail ends with %d: %s", code, log)
	}
	var all []tailed
	for line := range strings.Lines(out) {
		var r tailed
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Counts == nil {
			s.t.Fatalf("log tail prints %s: %v", line, err)
		}
		all = append(all, r)
	}
	return all
}
