package logowner

import (
	"strings"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
)

// oneLog is a cluster of one partition.
type oneLog struct {
	Cluster
	log eventlog.Log
}

func (c oneLog) Partition(string, int32) eventlog.Log { return c.log }

// A job of the housekeeper may end when the log is owned no more: what it tells of the log
// is forgotten, too.
func TestALateJobLeavesNoMetricsOfALog(t *testing.T) {
	t.Parallel()
	reader := sdk.NewManualReader()
	m, err := newMetrics(sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test"))
	if err != nil {
		t.Fatal(err)
	}
	log := memlog.New()
	put(t, log, "x")
	s := &Service[string]{cfg: Config[string]{Log: "l", Cluster: oneLog{log: log}}, metrics: m}
	k := (&partition[string]{service: s}).keeper(t.Context(), time.Now)
	gauges := func() (n int) {
		t.Helper()
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if strings.HasPrefix(m.Name, "spanway.log.records") {
					n++
				}
			}
		}
		return n
	}
	k.after(eventlog.Outcome{})
	if gauges() == 0 {
		t.Fatal("a job tells nothing of the log")
	}
	if k.wait(); gauges() != 0 {
		t.Error("the log is measured after its last job, although it is owned no more")
	}
}
