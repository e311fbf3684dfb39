//go:build upgrade

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// managed is a system of two sites whose managers are of two releases, two processes of each:
// the global ones at ams, the local ones of ams and of fra.
type managed struct {
	*networkWorld
	old, now  release
	ams, fra  *cluster.Cluster
	managers  map[string][]*process // by what they are, such as "local fra"
	of        map[*process]string   // their releases
	snapshots map[string]int        // managers that began at one, by release
	steps     int
	changed   int // how often the network was
	objects   int // that each site must have
}

func newManaged(t *testing.T, commit string) *managed {
	t.Helper()
	repeatReasons(t)
	w := &managed{old: releaseOf(t, commit), now: thisRelease(t), managers: map[string][]*process{}, of: map[*process]string{}, snapshots: map[string]int{}}
	w.networkWorld = newNetworkWorld(t, twoOnKfake(t))
	w.ams, w.fra = openCluster(t, w.sites.ams.Addr()), openCluster(t, w.sites.fra.Addr())
	return w
}

// serve starts a manager of a release. Snapshots are written at each append, so that those of each
// release are read by the other; the history is kept, so that it can be judged.
func (w *managed) serve(r release, role, site string, number int) *process {
	w.t.Helper()
	instance := fmt.Sprint(role, "-", site, number)
	args := []string{
		"serve", "manager", "--role", role, "--site", site, "--config", w.config, "--instance", instance, "--http", "",
		"--snapshot-interval", "1ms", "--history", "-1s",
	}
	if role == "global" {
		args = append(args, "--patience", "1s")
	}
	p := start(w.t, "manager "+instance+" of "+r.name, exec.Command(r.spanway, args...))
	w.of[p] = r.name
	return p
}

// begin starts all managers of a release, and adds both sites by it.
func (w *managed) begin(r release) {
	w.t.Helper()
	for name, of := range theManagers {
		for n := range 2 {
			w.managers[name] = append(w.managers[name], w.serve(r, of.role, of.site, n))
		}
	}
	for _, site := range []string{"ams", "fra"} {
		eventually(w.t, patience, "the site "+site+" is added", func(ctx context.Context) bool { // Before that, no topic is there.
			return commandLine(ctx, r.spanway, "site", "add", site, "--config", w.config).Run() == nil
		})
	}
	w.apply(w.now, "/networks/shop", "span: {sites: [ams, fra]}\nnetwork: {description: The shop}")
	w.step("before anything is replaced")
}

// theManagers are what is replaced.
var theManagers = map[string]managing{
	"global": {"global", "ams"}, "local ams": {"local", "ams"}, "local fra": {"local", "fra"},
}

type managing struct{ role, site string }

// roll replaces the managers of a role by those of a release, at each site one process at a time.
// After each of them changes are made by both releases.
func (w *managed) roll(r release, role string) {
	w.t.Helper()
	for n := range 2 {
		for name, of := range theManagers {
			if of.role != role {
				continue
			}
			w.end(w.managers[name][n])
			w.managers[name][n] = w.serve(r, of.role, of.site, n)
		}
		w.step(fmt.Sprintf("with %d %s managers of %s", n+1, role, r.name))
	}
}

// end ends a manager as an upgrade does.
func (w *managed) end(p *process) {
	w.t.Helper()
	term(p)
	if code := p.wait(time.Minute); code != 0 {
		wrong(w.t, "%s ends with %d", p.name, code)
	}
	if strings.Contains(p.log.String(), "began at a snapshot") {
		w.snapshots[w.of[p]]++
	}
}

// step has each release apply a segment, waits until both sites have realised all that there is,
// and has one release delete what the other has applied.
func (w *managed) step(when string) {
	w.t.Helper()
	began, saved := time.Now(), w.saved()
	w.steps++
	by := [2]release{w.old, w.now}
	if w.steps%2 == 0 {
		by[0], by[1] = by[1], by[0]
	}
	path := func(r release) string { return fmt.Sprintf("/networks/shop/segments/%s%d", r.name, w.steps) }
	for _, r := range by {
		w.apply(r, path(r), fmt.Sprintf("segment: {cidr: 10.%d.0.0/24}", w.steps))
	}
	w.bothHaveIt(when)
	w.command(by[1], "network", "delete", path(by[0]))
	w.objects--
	w.bothHaveIt(when + ", after a deletion")
	eventually(w.t, patience, "each log of managers has another snapshot "+when, func(context.Context) bool {
		now := w.saved()
		for log, end := range saved {
			if now[log] <= end { // A snapshot follows what its manager appends.
				w.changed++
				w.declare(w.now, "/networks/shop", fmt.Sprintf("span: {sites: [ams, fra]}\nnetwork: {description: The shop %d}", w.changed))
				return false
			}
		}
		return true
	})
	w.t.Logf("%s both sites have all after %v", when, time.Since(began).Round(time.Millisecond))
}

// saved is where the logs of snapshots end: what begins next begins at one of what works now.
func (w *managed) saved() map[string]int64 {
	w.t.Helper()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	ends := map[string]int64{}
	for name, log := range map[string]struct {
		at    *cluster.Cluster
		topic string
	}{"global": {w.ams, topics.NetworkChanges()}, "local ams": {w.ams, topics.NetworkStatus()}, "local fra": {w.fra, topics.NetworkStatus()}} {
		_, end, err := log.at.Offsets(w.t.Context(), events.Snapshots(log.topic), 0)
		if err != nil {
			giveUp(w.t, "the snapshots of the %s manager: %v", name, err)
		}
		ends[name] = end
	}
	return ends
}

func (w *managed) bothHaveIt(when string) {
	w.t.Helper()
	for site, b := range map[string]broker{"ams": w.sites.ams, "fra": w.sites.fra} {
		w.stands(site, b, fmt.Sprintf("has realised all %d objects %s", w.objects, when), realised(w.objects))
	}
}

// apply declares one object more, by a release.
func (w *managed) apply(r release, path, spec string) {
	w.t.Helper()
	w.declare(r, path, spec)
	w.objects++
}

func (w *managed) declare(r release, path, spec string) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "object.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "path: %s\n%s\n", path, spec), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.command(r, "network", "apply", "-f", file)
}

// command runs one of a release, which must be good.
func (w *managed) command(r release, args ...string) {
	w.t.Helper()
	if out, err := commandLine(w.t.Context(), r.spanway, append(args, "--config", w.config)...).CombinedOutput(); err != nil {
		giveUp(w.t, "spanway %s of %s: %v\n%s", strings.Join(args, " "), r.name, err, out)
	}
}

// judge has both releases judge the logs, and this one compare both sites with what they should
// have applied.
func (w *managed) judge() {
	w.t.Helper()
	for name := range theManagers {
		for _, p := range w.managers[name] {
			w.end(p)
		}
	}
	if w.snapshots[w.old.name] == 0 || w.snapshots[w.now.name] == 0 {
		wrong(w.t, "not in both releases a manager began at a snapshot: %v", w.snapshots)
	}
	w.command(w.old, "verify")
	if applied := w.verified(); applied["ams"] == 0 || applied["fra"] == 0 {
		wrong(w.t, "the sites that are compared to their last entries: %v", applied)
	}
}
