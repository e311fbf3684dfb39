package embedded_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// BenchmarkStart measures how long a broker takes to load 500,000 records, as
// `spanway dev` does before it is ready, after it was closed and after it was
// killed.
func BenchmarkStart(b *testing.B) {
	const total = 500_000
	for _, size := range []int{10, 500} {
		closed, killed := b.TempDir(), b.TempDir()
		fill(b, closed, killed, total, size)
		b.Run(fmt.Sprintf("closed/batch=%d", size), func(b *testing.B) {
			for b.Loop() {
				load(b, closed)
			}
		})
		b.Run(fmt.Sprintf("killed/batch=%d", size), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir() // a clean close would spare the next round its work
				if err := os.CopyFS(dir, os.DirFS(killed)); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				load(b, dir)
			}
		})
	}
}

func load(b *testing.B, dir string) {
	broker, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	broker.Close()
	b.StartTimer()
}

// fill leaves in dir what a closed broker leaves and in killed what a killed one does.
func fill(b *testing.B, dir, killed string, total, size int) {
	broker, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close()
	c := kafka.New(kafka.Config{Brokers: []string{broker.Addr()}})
	defer c.Close()
	if _, err := c.Ensure(b.Context(), []events.TopicSpec{{Name: "t", Partitions: 16}}); err != nil {
		b.Fatal(err)
	}
	batch := make([]events.Record, size)
	for i := range batch {
		batch[i] = events.Record{Key: []byte("pool"), Value: make([]byte, 300)}
	}
	partitions := make([]*kafka.Partition, 16)
	for i := range partitions {
		partitions[i] = c.Partition("t", int32(i))
	}
	for i := range total / size {
		if _, err := partitions[i%16].Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		b.Fatal(err)
	}
}
