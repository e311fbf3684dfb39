package allocator

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
	"github.com/spanway/spanway/services/allocator/store"
)

// metrics are the service's instruments. Only the first maxMeasured spaces of a partition
// are measured one by one: their number has no bound.
type metrics struct {
	maker                                           *instruments.Maker
	answers, grants, identifiers, refusals, letters metric.Int64Counter
	storeFailures                                   metric.Int64Counter
	free, live, resting, largest                    metric.Int64ObservableGauge
	exhaustion, fragmentation                       metric.Float64ObservableGauge
}

const maxMeasured = 20

func newMetrics(meter metric.Meter) (*metrics, error) {
	maker := instruments.On(meter)
	m := &metrics{
		maker:   maker,
		answers: maker.Counter(instruments.IDsAnswers), grants: maker.Counter(instruments.IDsGrants),
		identifiers: maker.Counter(instruments.IDsGranted), refusals: maker.Counter(instruments.ProposalsRefused),
		letters: maker.Counter(instruments.DeadLetters), storeFailures: maker.Counter(instruments.BatchesFailed),
		free: maker.Gauge(instruments.SpaceFree), live: maker.Gauge(instruments.SpaceLive),
		resting: maker.Gauge(instruments.SpaceQuarantined), largest: maker.Gauge(instruments.SpaceLargestFree),
		exhaustion: maker.Float(instruments.SpaceExhaustion), fragmentation: maker.Float(instruments.SpaceFragmentation),
	}
	return m, maker.Err()
}

// observe measures spaces until stop.
func (m *metrics) observe(partitions map[int32]*partition, now func() time.Time) (stop func()) {
	return m.maker.Observe(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		var reading sync.WaitGroup
		var telling sync.Mutex
		for _, p := range partitions {
			// Of a host that has ended, or has not begun, there is nothing to tell; the others
			// do not wait for it.
			reading.Go(func() {
				_ = p.host.Read(ctx, false, func(core sharedlog.Core, _ sharedlog.Position) {
					telling.Lock()
					defer telling.Unlock()
					m.tell(o, core.(*idspace.Core), now().UnixMilli())
				})
			})
		}
		reading.Wait()
		return nil
	}, m.free, m.live, m.resting, m.largest, m.exhaustion, m.fragmentation)
}

func (m *metrics) tell(o metric.Observer, core *idspace.Core, nowMs int64) {
	n := 0
	for s := range core.Spaces() {
		if n++; n > maxMeasured {
			return
		}
		of := metric.WithAttributes(attribute.String("space", s.Rules().Name))
		room := s.Room()
		o.ObserveInt64(m.free, room.Free, of)
		o.ObserveInt64(m.live, room.Live, of)
		o.ObserveInt64(m.resting, room.Quarantined, of)
		o.ObserveInt64(m.largest, room.LargestFree, of)
		o.ObserveFloat64(m.fragmentation, s.Fragmentation(), of)
		if left, ok := s.Exhaustion(nowMs); ok {
			o.ObserveFloat64(m.exhaustion, left.Seconds(), of)
		}
	}
}

func (m *metrics) granted(count int64) {
	m.grants.Add(context.Background(), 1)
	m.identifiers.Add(context.Background(), count)
}

func (m *metrics) refused(code events.Code) { add(m.refusals, "code", string(code)) }

func (m *metrics) answered(code events.Code) {
	if code == "" {
		m.answers.Add(context.Background(), 1, accepted...)
		return
	}
	add(m.answers, "code", string(code))
}

// accepted is of nearly all answers: to make it for each costs more than to count.
var accepted = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("code", "")))}

func (m *metrics) dead() { add(m.letters, "reason", string(events.CodeBadData)) }

func (m *metrics) storeFailed(err error) { add(m.storeFailures, "reason", why(err)) }

// why is the reason for which the store did not propose.
func why(err error) string {
	if errors.As(err, new(*store.Contended)) {
		return "CONTENDED"
	}
	return "UNAVAILABLE"
}

func add(c metric.Int64Counter, key, value string) {
	c.Add(context.Background(), 1, metric.WithAttributes(attribute.String(key, value)))
}
