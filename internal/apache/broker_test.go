package apache_test

import (
	"net"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
)

func TestApacheStartKillStartAgain(t *testing.T) {
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) {
			broker := apache.Start(t, apache.Config{
				Version: version,
				Properties: map[string]string{
					"producer.id.expiration.ms":                "2000",
					"producer.id.expiration.check.interval.ms": "500",
				},
			})
			before := broker.Addr()
			broker.Kill()
			if conn, err := net.DialTimeout("tcp", before, time.Second); err == nil {
				_ = conn.Close()
				t.Fatalf("somebody answers on %s after the broker was killed", before)
			}
			broker.Start()
			if broker.Addr() != before {
				t.Fatalf("the address changed from %s to %s", before, broker.Addr())
			}
			broker.Pause()
			broker.Continue()
		})
	}
}
