package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// killsFlag: `make kills` asks for 200.
var killsFlag = flag.Int("kills", 12, "how often schedulers and engines are killed at named points")

// killWorlds are killed side by side: most of the time of a kill is waiting for
// the group to notice.
const killWorlds = 6

// G1, G2: schedulers and engines are killed at every named point, again and
// again, under load. Every task ends exactly once, and what ended is not run
// again, however often it is submitted.
func TestKilledAtNamedPoints(t *testing.T) {
	t.Parallel()
	repeatReasons(t)
	b := onKfake(t)
	fragile := builtWith(t, "failpoints")
	t.Cleanup(func() { t.Logf("%d kills in all", *killsFlag) })
	t.Run("worlds", func(t *testing.T) {
		for i := range killWorlds {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				s := systemOn(t, b, fmt.Sprintf("world%d.", i))
				s.binary = fragile
				killedAtNamedPoints(s, i)
			})
		}
	})
}

func killedAtNamedPoints(s *system, world int) {
	random := rand.New(rand.NewPCG(uint64(world), 7))
	share := func(points []string) (mine []string) {
		for k := world; k < *killsFlag/2; k += killWorlds {
			mine = append(mine, fmt.Sprintf("%s:%d", points[(k+k/killWorlds)%len(points)], 1+random.IntN(16)))
		}
		return mine
	}
	schedulers, engines := share(failpoint.Scheduler), share(failpoint.Engine)
	load := s.load(100)
	var all sync.WaitGroup
	all.Go(func() { s.killEach(schedulers, "scheduler", "--engine-ttl", "2s") })
	all.Go(func() { s.killEach(engines, "engine", "--id", "e", "--slots", "20", "--engine-ttl", "2s") })
	all.Wait()
	n := load()
	s.seen.endedOnce(s.t, n, patience)

	assigned := s.seen.count(events.TypeTaskAssigned)
	s.submit(n, func(i int) client.Task { return client.Task{ID: events.TaskID(fmt.Sprint("load", i)), Kind: "noop"} })
	s.seen.awaitCount(s.t, events.TypeTaskRepeated, n, 3*time.Minute) // A group that forms anew may take its time more than once.
	if again := s.seen.count(events.TypeTaskAssigned) - assigned; again > 0 {
		wrong(s.t, "%d tasks that had ended were assigned again", again)
	}
	s.verify()
	s.t.Logf("%d kills at %v and %v: %d tasks, %d attempts, each ended once", len(schedulers)+len(engines), schedulers, engines, n, assigned)
}

// killEach runs a service that kills itself at a point, and when it is dead the
// next one, for all the points; and in the end one that lives, for others need it.
func (s *system) killEach(points []string, service string, args ...string) {
	for _, point := range points {
		p := s.serve(service, []string{"SPANWAY_FAILPOINT=" + point}, args...)
		select {
		case <-p.done:
		case <-time.After(patience):
			wrong(s.t, "%s never came to %s within %v", service, point, patience)
			s.t.Log(p.log.tail(20))
			kill(p)
			<-p.done
			return
		}
		name, _, _ := strings.Cut(point, ":")
		if !strings.Contains(p.log.String(), "failpoint "+name) {
			wrong(s.t, "%s ended, but not at %s", service, point)
			s.t.Log(p.log.tail(20))
			return
		}
	}
	s.serve(service, nil, args...)
}
