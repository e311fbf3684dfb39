package pool

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/cmd/spanway/link"
	"github.com/spanway/spanway/cmd/spanway/task"
	"github.com/spanway/spanway/cmd/spanway/verify"
)

// two are two sites, each with a scheduler and an engine.
type two struct {
	t       *testing.T
	ctx     context.Context // only ends what hangs
	config  string
	program clitest.Program
}

func startTwo(t *testing.T) *two {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	w := &two{t, ctx, filepath.Join(t.TempDir(), "config.yaml"), clitest.Program{Command, task.Command, link.Command, verify.Command}}
	var places []cli.Place
	for _, x := range clitest.StartSites(t, 1, "ams", "fra").Sites() {
		places = append(places, cli.Place{Site: x.Site, Kafka: x.Kafka})
	}
	if err := cli.WriteSites(w.config, places); err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, w.config)
	return w
}

// at calls a command at a site, which must end with an exit code and say all that is wanted.
func (w *two) at(site string, code int, line string, want ...string) string {
	w.t.Helper()
	out, got := w.call(site, line)
	w.t.Logf("at %s: spanway %s\n%s", site, line, out)
	if got != code {
		w.t.Fatalf("%q ends with %d, want %d", line, got, code)
	}
	for _, text := range want {
		if !strings.Contains(out, text) {
			w.t.Fatalf("%q does not say %q", line, text)
		}
	}
	return out
}

func (w *two) call(site, line string) (out string, code int) {
	args := strings.Fields(line)
	where := []string{"--config", w.config, "--context", site}
	rest := len(args)
	for i, a := range args {
		if a == "--" {
			rest = i
			break
		}
	}
	all := append(append(append([]string{}, args[:rest]...), where...), args[rest:]...)
	stdout, stderr, code := w.program.Call(w.ctx, "", all...)
	return stdout + stderr, code
}

// until calls a command until it says all that is wanted.
func (w *two) until(site, line string, want ...string) {
	w.t.Helper()
	for {
		out, _ := w.call(site, line)
		said := true
		for _, text := range want {
			said = said && strings.Contains(out, text)
		}
		if said {
			return
		}
		if w.ctx.Err() != nil {
			w.t.Fatalf("at %s %q never says %q: %s", site, line, want, out)
		}
	}
}

// A site takes the tasks of another over by the copy of its log, and gives them back: what
// waited there is done here, what ran is placed again, what has ended is not done again. The
// other one refuses what is asked of it once it was told.
func TestPromotion(t *testing.T) {
	w := startTwo(t)
	w.at("fra", cli.ExitDone, `link apply tasks --source ams --include spanway\.tasks\.events.* --topic-prefix ams. --on-overtaken go_on`)
	w.at("ams", cli.ExitDone, "task submit --id done --wait -- true")
	w.at("ams", cli.ExitDone, "task submit --id runs -- sleep 600")
	w.at("ams", cli.ExitDone, `task submit --id waits --where engine.site=="fra" -- cat /etc/hostname`)
	w.until("ams", "task show runs -o json", `"state":"running"`)
	w.until("fra", "task show runs -o json --prefix ams.spanway.", `"state":"running"`)
	w.until("fra", "task show waits -o json --prefix ams.spanway.", `"state":"pending"`)
	w.at("fra", cli.ExitDone, "task submit --id mine --wait -- true")

	w.at("fra", cli.ExitUsage, "pool promote --from spanway.", "--from")
	w.at("fra", cli.ExitRefused, "pool promote --from sin.spanway.", "NO_COPY")
	w.at("fra", cli.ExitRefused, "pool promote other --from ams.spanway.", "NO_COPY", `no pool "other"`)
	w.at("fra", cli.ExitDone, "pool promote --from ams.spanway. --dry-run", "link tasks would be paused", "pool default would be taken over: 2 tasks, 1 of them ran there")
	var done takenPool
	out := w.at("fra", cli.ExitDone, "pool promote --from ams.spanway. --reason lost -o json")
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.Tasks != 2 || done.Ran != 1 || done.Known != 0 || done.Token < 1<<44 || len(done.Links) != 1 {
		t.Fatalf("the promotion is %+v (%v)", done, err)
	}
	w.at("fra", cli.ExitDone, "pool promote --from ams.spanway.", "it was taken over before", "pool replace default")
	w.until("fra", "task show waits -o json", `"state":"succeeded"`)
	w.until("fra", "task show runs -o json", `"state":"running"`, `"attempt":2`)
	w.at("fra", cli.ExitDone, "task submit --id waits -- true") // It is known.
	w.at("fra", cli.ExitDone, "task submit --id done -- true")
	w.at("fra", cli.ExitDone, "pool show default", "1 running", "taken over")
	w.at("fra", cli.ExitDone, "task list --state all", "runs", "waits", "mine")

	// The other one does not know of it until it is told.
	w.at("ams", cli.ExitDone, "task submit --id late --wait -- true")
	w.at("ams", cli.ExitDone, "pool replace default --reason lost", "placed at another site")
	w.at("ams", cli.ExitDone, "pool replace default")
	w.at("ams", cli.ExitRefused, "task submit --id more --wait -- true", "REPLACED")
	w.at("ams", cli.ExitDone, "pool show default", "replaced")
	w.at("ams", cli.ExitDone, "task why waits", "REPLACED", "pool promoted")

	// Back again, as planned: the site that has it gives it up first.
	w.at("ams", cli.ExitDone, `link apply back --source fra --include spanway\.tasks\.events.* --topic-prefix fra. --on-overtaken go_on`)
	w.until("ams", "task show runs -o json --prefix fra.spanway.", `"state":"running"`)
	w.at("ams", cli.ExitDone, "pool promote --from fra.spanway. --fence", "link back is paused", "pool default is taken over: 1 tasks, 0 of them known here, 1 ran there")
	w.until("ams", "task show runs -o json", `"state":"running"`, `"attempt":3`)
	w.at("fra", cli.ExitRefused, "task cancel runs", "REPLACED")
	w.at("ams", cli.ExitDone, "task cancel runs")
	w.at("ams", cli.ExitDone, "task submit --id more --wait -- true")
	for _, site := range []string{"ams", "fra"} {
		w.at(site, cli.ExitDone, "verify", "hold")
	}
}
