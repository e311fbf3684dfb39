package laws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whatever tries again must tell of it: a loop can pause only by trouble.Try.Again, which
// does. This test finds the other ways to wait. What waits for something else than for
// another attempt is listed here, with what that is; so a silent loop cannot be added.
var waits = map[string]string{
	"cmd/spanway/task/every.go submitEvery":           "the time of the next task",
	"cmd/spanway/task/tell.go tellWhy":                "how long a person waits before it is said for what",
	"internal/embedded/joining.go wait":               "the answer to a JoinGroup, of a connection that has ended",
	"internal/embedded/watch.go watch":                "the next look at the disk",
	"examples/checksums/run.go until":                 "the next picture",
	"examples/replicated-ledger/demo.go run":          "the next kill",
	"services/allocator/store/redis.go update":        "others that change the space: at most so often, and counted",
	"services/allocator/trim.go run":                  "the next deletion",
	"services/allocator/granter.go serve":             "others of the space, or the store, of which a Try tells",
	"services/allocator/reconcile.go reconcile":       "the next comparison: a Try tells of the last one",
	"services/allocator/reconcile.go lookAgain":       "the next look at a store that failed: the Try of its proposals tells of it",
	"internal/bench/pools.go":                         "figures of a benchmark",
	"internal/bench/tasks.go":                         "figures of a benchmark",
	"internal/bench/mirror_copies.go":                 "figures of a benchmark",
	"internal/bench/mirror_live.go":                   "figures of a benchmark",
	"internal/bench/network_world.go":                 "gives up when nothing is decided",
	"internal/bench/network_site.go":                  "gives up when nothing comes",
	"internal/run/part.go stop":                       "parts that stop: it tells of them",
	"internal/run/services.go check":                  "the next look at Redis: a Try tells of the last one",
	"pkg/engine/loop.go serve":                        "what the lease's core says is due",
	"pkg/engine/measure.go measure":                   "the next measurement",
	"pkg/eventlog/memlog/memlog.go Fetch":             "a record, as a broker does",
	"pkg/eventlog/sharedlog/follow.go pause":          "a follower, which tells of itself by its hook Trouble",
	"pkg/eventlog/sharedlog/keeper.go wait":           "what the core says is due",
	"pkg/eventlog/sharedlog/keeper_snapshots.go look": "the next look whether a snapshot is due",
	"pkg/logowner/merge.go await":                     "an input",
	"pkg/ids/together.go gather":                      "others that ask: at most 250 µs",
	"pkg/queue/keep.go Keep":                          "the next look for queues",
	"pkg/queue/keep.go keep":                          "the topic of a queue, to come or to go",
	"internal/stoptest/stop.go Stop":                  "threads that the kernel stops; of tests",
	"pkg/queue/open.go awaitGone":                     "what this process knows of topics, which is a moment old",
	"pkg/queue/tied.go gone":                          "a second look whether a topic is gone",
	"cmd/spanway/queue/tally.go await":                "what was sent, when the command is interrupted",
	"cmd/spanway/link/watch.go run":                   "the next picture",
	"cmd/spanway/network/wait.go wait":                "the next look at the sites",
	"cmd/spanway/pool/fence.go copied":                "the next look at the copy, which says where it fails",
	"cmd/spanway/link/await.go awaitReports":          "the first reports of a link: it tells what is missing, and not for longer than 15 s",
	"pkg/replication/table.go appeared":               "a topic that may come",
	"cmd/spanway/task/known.go awaitDecisions":        "decisions on what was submitted, of which a Follower tells",
	"pkg/client/again.go repeatedWhenEnded":           "the decision on what was submitted, of which a Follower tells",
	"services/manager/delivery/loops.go await":        "what its core says is due, or that something changes",
	"services/replicator/view.go run":                 "the next look at a cluster: a Try tells of the last one",
	"services/replicator/plan.go plan":                "what changes: what fails is told by its own parts",
	"services/replicator/telling.go run":              "the next round of status: a Try tells of the last one",
	"services/replicator/auditing.go run":             "the next look at a copy: a Try tells of the last one",
	"services/replicator/failover/look.go freeze":     "whether records come: it tells where they do",
	"services/replicator/trim.go run":                 "the next look for what sources have deleted: a Try tells of the last one",
	"services/replicator/ends.go run":                 "the next look at the ends of sources: a Try tells of the last one",
	"services/replicator/scout.go run":                "the next look for records among copies: a Try tells of the last one",
	"services/replicator/connect.go awaitSettings":    "settings of topics, of which their views tell, and not for longer than 10 s",
	"services/replicator/doubles.go doubles":          "reports of another replicator: one look",
	"services/replicator/copying/ahead.go readSource": "the source, and what is due beside it",
	"services/replicator/copying/gate.go hold":        "that a snapshot is admitted, and what is due beside it",
	"services/replicator/copying/limit.go take":       "the limit of the link",
	"services/replicator/copying/step.go allowed":     "the limit of the link, and what is due beside it",
	"pkg/watermillkafka/handover.go await":            "a message that was refused is handed out again: its handler knows",
	"pkg/watermillkafka/share.go drain":               "acknowledgements, in a rebalance",
	"pkg/watermillkafka/subscription.go watch":        "the next commit and the next look",
	"services/engine/guard/guard_unix.go":             "the end of a process",
	"internal/kafka/alive.go beat":                    "the next heartbeat",
	"internal/kafka/beats.go accompany":               "the next heartbeat",
	"internal/kafka/group.go within":                  "the end of a generation that its member had no use for",
	"internal/telemetry/following/following.go Pause": "a follower, which tells of itself by its hook Trouble",
}

// loops go on until a context ends, or ask a broker again and again, and return what
// fails: they try nothing again.
var loops = map[string]string{
	"internal/kafka/alive.go beat":                        "sends heartbeats until one fails, which joining then tells of",
	"internal/kafka/producer.go room":                     "waits for room in memory",
	"pkg/watermillkafka/subscription.go alone":            "serves anew when the number of partitions has changed",
	"cmd/spanway/task/file.go read":                       "reads lines",
	"cmd/spanway/queue/enqueue.go lines":                  "reads lines",
	"pkg/eventlog/follower.go Run":                        "tells of itself by its hook Trouble, which each Step calls",
	"pkg/eventlog/sharedlog/append.go appendCalls":        "tells by a Try, which each append is given",
	"examples/two-sites/main.go read":                     "reads further pages until what it waits for is there, and returns what fails",
	"examples/replicated-ledger/main.go transfer":         "makes the next transfer, and returns what fails",
	"pkg/eventlog/mirrored/fetch.go read":                 "reads further pages, past what does not count, and returns what fails",
	"pkg/eventlog/mirrored/search.go newest":              "looks further back, and returns what fails",
	"pkg/ids/generator.go take":                           "asks again until Close, and tells callers of Next",
	"pkg/queue/open.go awaitGone":                         "looks until a topic that was deleted is gone, and returns what fails",
	"services/replicator/copying/checkpoints.go SavedFor": "reads further pages of what there is, and returns what fails",
	"services/replicator/scout.go look":                   "reads further pages of what there is, and returns what fails",
	"internal/bench/mirror_live.go found":                 "looks until a record is there, and returns what fails",
	"internal/bench/network_site.go run":                  "reads on in an inbox, and returns what fails",
	"internal/query/why.go explain":                       "reads further pages of what there is, and returns what fails",
}

// whatTells is the one place that pauses.
const whatTells = "internal/telemetry/trouble"

// apart are tests' own packages, and what runs in no service.
var apart = []string{
	"internal/sim", "internal/apache", "internal/redistest", "internal/porttest", "internal/testca", "internal/verify/handmade", "internal/kafka/kafkatest", "internal/run/runtest",
	"internal/startstoptest", "internal/telemetry/otlptest", "cmd/spanway/clitest", "pkg/eventlog/eventlogtest", "pkg/eventlog/sharedlog/sharedlogtest", "pkg/logowner/logownertest", "services/replicator/sitetest",
	"e2e", "tools", "build",
}

// pauses are calls that let time pass.
var pauses = map[string][]string{
	"time":      {"Sleep", "After", "Tick", "NewTimer", "NewTicker"},
	"trouble":   {"Pause"},
	"following": {"Pause"},
}

func TestNoLoopTriesAgainInSilence(t *testing.T) {
	used := map[string]bool{}
	for path, file := range parse(t) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			check := func(list map[string]string, what, remedy string) {
				for _, key := range []string{path, path + " " + f.Name.Name} {
					if list[key] != "" {
						used[key] = true
						return
					}
				}
				t.Errorf("%s in %s %s: %s", what, path, f.Name.Name, remedy)
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if name := pause(n); name != "" {
						check(waits, name, "what tries again pauses by trouble.Try.Again, which tells of it; if it waits for something else, list it here with that")
					}
				case *ast.ForStmt:
					if untilEnded(n) && !tells(n.Body) {
						check(loops, "a loop that ends with a context", "if it tries again what failed, note that by trouble.Try; else list it here with what it does")
					}
				}
				return true
			})
		}
	}
	for _, list := range []map[string]string{waits, loops} {
		for key := range list {
			if !used[key] {
				t.Errorf("%s is listed and does not wait", key)
			}
		}
	}
}

// parse reads the files of the module that are part of the product.
func parse(t *testing.T) map[string]*ast.File {
	t.Helper()
	const root = "../.."
	files := map[string]*ast.File{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(filepath.ToSlash(path), root+"/")
		switch {
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || under(rel, apart...) || rel == whatTells || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go"):
			return nil
		}
		files[rel], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		return err
	})
	if err != nil || len(files) < 100 {
		t.Fatalf("read %d files: %v", len(files), err)
	}
	return files
}

// pause is the name of a call that lets time pass; "" if it is another.
func pause(c *ast.CallExpr) string {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	of, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, name := range pauses[of.Name] {
		if name == s.Sel.Name {
			return of.Name + "." + name
		}
	}
	return ""
}

// untilEnded tells whether a loop goes on until a context has ended, or asks a broker for
// as long as it is not left.
func untilEnded(f *ast.ForStmt) bool {
	if f.Cond == nil {
		return calls(f.Body, "Fetch", "Step", "Barrier", "Append", "Offsets", "Partitions", "Poll")
	}
	return calls(f.Cond, "Err")
}

// calls tells whether something calls a method of one of these names.
func calls(in ast.Node, names ...string) (found bool) {
	ast.Inspect(in, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if s, ok := c.Fun.(*ast.SelectorExpr); ok && slices.Contains(names, s.Sel.Name) {
				found = true
			}
		}
		return true
	})
	return found
}

// tells tells whether a loop notes what fails.
func tells(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			switch s.Sel.Name {
			case "Again", "Failed", "again", "disowned":
				found = true
			}
		}
		return true
	})
	return found
}
