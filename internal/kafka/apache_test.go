package kafka_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/kafkatest"
)

func TestApacheWire(t *testing.T) {
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) {
			b := apache.Start(t, apache.Config{Version: version, Properties: map[string]string{
				"producer.id.expiration.check.interval.ms": "500",
				"transactional.id.expiration.ms":           "60000",
				"log.cleaner.backoff.ms":                   "200",
				"broker.session.timeout.ms":                "4000", // a killed broker may come back sooner
				"broker.heartbeat.interval.ms":             "500",
				"log.retention.check.interval.ms":          "500",
			}})
			kafkatest.Run(t, kafkatest.Broker{
				Addr: b.Addr(), Kill: b.Kill, Stop: b.Stop, Start: b.Start, Away: 10 * time.Second,
				Pause: b.Pause, Continue: b.Continue, ForgetsProducers: true, ChecksTopics: true,
			})
		})
	}
}

// The leader of one of two brokers moves.
func TestApacheWireOfTwoBrokers(t *testing.T) {
	b := apache.Start(t, apache.Config{})
	apache.Start(t, apache.Config{Joins: b})
	kafkatest.RunMoves(t, kafkatest.Broker{Addr: b.Addr(), Move: b.MoveLeader})
}

func BenchmarkApacheWire(b *testing.B) {
	broker := apache.Start(b, apache.Config{})
	c := kafka.New(kafka.Config{Brokers: []string{broker.Addr()}})
	b.Cleanup(c.Close)
	b.Run("append", func(b *testing.B) { benchmarkAppend(b, c) })
	b.Run("fetch", func(b *testing.B) { benchmarkFetch(b, c) })
	b.Run("tail", func(b *testing.B) { benchmarkTail(b, c) })
}
