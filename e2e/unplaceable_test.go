package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// G7: ten thousand unplaceable tasks with as many predicates, half of them
// reading .free, delay nothing, and cost nothing while nothing changes.
func TestUnplaceableTasksCostNothing(t *testing.T) {
	t.Parallel()
	const n, evaluations = 10_000, "spanway_scheduler_predicate_evaluations_total"
	s := newSystem(t, onKfake)
	web := porttest.Addr(t)
	s.scheduler("--http", web)
	s.engine(engine.Config{ID: "e", Labels: map[string]any{"gpu": 0}, Allocatable: map[string]int64{"slots": 10}}, "noop",
		func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	s.submit(n, func(i int) client.Task {
		predicate := fmt.Sprintf("engine.labels.gpu > %d", i)
		if i%2 == 1 {
			predicate = fmt.Sprintf("engine.free.slots > %d", 10+i)
		}
		return client.Task{ID: events.TaskID(fmt.Sprint("never", i)), Kind: "noop", Predicate: predicate}
	})
	s.seen.awaitCount(t, events.TypeTaskAccepted, n, patience)
	before := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := s.client.Do(ctx, client.Task{ID: "placeable", Kind: "noop"}); err != nil {
		t.Fatal(err)
	}
	within(t, fmt.Sprintf("a placeable task behind %d others ended", n), time.Since(before), time.Second, busySlack)

	url := "http://" + web + "/metrics"
	last, alike := -1.0, 0
	eventually(t, patience, "evaluations come to rest", func(context.Context) bool {
		wait := time.NewTimer(time.Second)
		<-wait.C
		now := sumMetric(t, url, evaluations)
		if now != last {
			alike = 0 // A machine that stands still for a second is no rest.
		}
		last, alike = now, alike+1
		return alike == 5
	})
	quiet := time.NewTimer(10 * time.Second)
	<-quiet.C
	if now := sumMetric(t, url, evaluations); now != last || last < n {
		t.Errorf("evaluations went from %v to %v in ten quiet seconds (%d tasks)", last, now, n)
	} else {
		t.Logf("%v evaluations in all, none in ten quiet seconds", now)
	}
	s.verify()
}

// sumMetric adds up all series of a metric.
func sumMetric(t *testing.T, url, name string) (sum float64) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok && (rest[0] == '{' || rest[0] == ' ') {
			v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}
