package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/embedded"
)

// A cluster that is restored from a copy of what its stopped broker kept goes on, with an
// empty Redis, and nothing is found. One that is restored from a copy which is older than what
// an engine has seen goes on, too; it says so, and what was decided since is unknown.
func TestRestoredFromACopy(t *testing.T) {
	t.Parallel()
	b := onKfake(t).(*kfakeBroker)
	restoredFromACopy(t, b, b.dir, b.Kill)
}

func TestApacheRestoredFromACopy(t *testing.T) {
	b := onApache(t).(*apache.Broker)
	restoredFromACopy(t, b, b.DataDir(), b.Stop)
}

func restoredFromACopy(t *testing.T, b broker, dir string, stop func()) {
	t.Helper()
	r := &restored{t: t, broker: b, dir: dir, stop: stop, backup: filepath.Join(t.TempDir(), "backup")}
	r.up()
	spanway(t, "serve", "engine", "--id", "ext", "--brokers", b.Addr()) // It outlives all that follows.
	r.does(0, "t1 succeeded", "task", "submit", "-k", "noop", "--id", "t1", "--wait")
	r.does(0, "waits", "task", "submit", "-k", "noop", "--id", "waits", "--where", "engine.labels.gpu >= 1")
	r.does(0, "", "queue", "create", "work")
	r.does(0, "", "queue", "enqueue", "work", "--id", "e1", "--payload", "x")
	r.does(0, "", "id", "create", "spi", "--to", "1000")
	r.does(0, "1-10", "id", "grant", "spi", "--count", "10", "--owner", "a", "--request-id", "g1")
	r.down()
	r.copy(r.dir, r.backup)

	r.restore()
	r.does(0, "G9 holds", "verify")
	r.does(0, "succeeded", "task", "show", "t1")
	r.does(0, "PENDING", "task", "show", "waits")
	r.does(0, "e1", "queue", "list", "work")
	r.does(0, "1-10", "id", "grant", "spi", "--count", "10", "--owner", "a", "--request-id", "g1")
	r.does(0, "late succeeded", "task", "submit", "-k", "noop", "--id", "late", "--wait")
	r.does(0, "", "queue", "enqueue", "work", "--id", "e2", "--payload", "x")
	r.does(0, "11-20", "id", "grant", "spi", "--count", "10", "--owner", "b", "--request-id", "g2")
	r.does(0, "G9 holds", "verify")
	r.down()

	r.restore() // From the same copy: it does not have what came since.
	// Nobody is to ask for identifiers before what was granted since is reserved.
	r.does(0, "11-20", "id", "reserve", "spi", "--from", "11", "--to", "20", "--owner", "b", "--request-id", "g2")
	eventually(t, patience, "the loss is told of", func(ctx context.Context) bool {
		out, err := commandLine(ctx, binary, "verify", "--brokers", b.Addr()).CombinedOutput()
		return err != nil && strings.Contains(string(out), `engine "ext" had seen event`) && strings.Contains(string(out), "RECORDS_LOST")
	})
	r.does(1, "UNKNOWN_TASK", "task", "show", "late")
	r.does(0, "late succeeded", "task", "submit", "-k", "noop", "--id", "late", "--wait")
	r.does(0, "21-30", "id", "grant", "spi", "--count", "10", "--owner", "c")
	r.does(1, "hold for what the log still has", "verify")
}

// restored is a cluster with a scheduler and an allocator that is stopped and restored.
type restored struct {
	t           *testing.T
	broker      broker
	dir, backup string
	stop        func()
	running     []*process
}

// up starts an allocator with a Redis that holds nothing, and a scheduler.
func (r *restored) up() {
	r.t.Helper()
	redis, err := embedded.StartRedis(0)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(redis.Close)
	at := []string{"--brokers", r.broker.Addr()}
	r.running = []*process{
		spanway(r.t, append(at, "serve", "scheduler")...),
		spanway(r.t, append(at, "serve", "allocator", "--redis", redis.Addr())...),
	}
	r.running[0].log.await(r.t, "msg=owning", patience)
	r.running[1].log.await(r.t, "Starting handler", patience)
}

func (r *restored) down() {
	r.t.Helper()
	for _, p := range r.running {
		term(p)
	}
	for _, p := range r.running {
		p.wait(time.Minute)
	}
	r.stop()
}

// restore puts the copy in the place of what the broker had, and starts all.
func (r *restored) restore() {
	r.t.Helper()
	if err := os.RemoveAll(r.dir); err != nil {
		r.t.Fatal(err)
	}
	r.copy(r.backup, r.dir)
	r.broker.Start()
	r.up()
}

func (r *restored) copy(from, to string) {
	r.t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		r.t.Fatal(err)
	}
}

// does runs a command that ends with a code and says something.
func (r *restored) does(code int, says string, args ...string) {
	r.t.Helper()
	out := command(r.t, code, append(args, "--brokers", r.broker.Addr())...)
	if !strings.Contains(out, says) {
		r.t.Errorf("%v does not say %q:\n%s", args, says, out)
	}
}
