package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/pkg/replication"
)

// BenchmarkMirrorOnApache measures a replicator of the binary and MirrorMaker 2, one after
// the other, between the same two real brokers; without and with a delay on the way to the
// source, where both run at the target.
func BenchmarkMirrorOnApache(b *testing.B) {
	binary := built(b)
	for _, roundTrip := range []time.Duration{0, 50 * time.Millisecond} {
		b.Run(fmt.Sprintf("round_trip=%v", roundTrip), func(b *testing.B) {
			source, far := distant(b, roundTrip)
			target := apache.Start(b, apache.Config{})
			cfg := MirrorConfig{
				Source: connect(b, source.Addr()), Target: connect(b, target.Addr()),
				Records: 1_000_000, Sizes: []int{200, 2048}, Partitions: []int{1, 16, 128},
				Rate: 1000, Duration: 10 * time.Second, Found: 5, Crowd: 500,
			}
			if testing.Short() {
				cfg.Records, cfg.Sizes, cfg.Partitions, cfg.Crowd = 300_000, []int{200}, []int{1, 16}, 50
			}
			for b.Loop() {
				cfg.Mirror, cfg.Prefix = spanway(b, binary, far, target.Addr()), "ours."
				show(b, "spanway", &cfg)
				cfg.Mirror, cfg.Prefix = mirrorMaker(b, far, target.Addr()), "mm2."
				show(b, "mirrormaker2", &cfg)
			}
		})
	}
}

func show(b *testing.B, name string, cfg *MirrorConfig) {
	b.Helper()
	result, err := RunMirror(b.Context(), cfg)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	for i := range result.Copies {
		c := &result.Copies[i]
		fmt.Printf("%s: %d bytes, %d partitions: %.0f records/s, %.1f MB/s, %.1f us a record, %d MiB\n",
			name, c.Size, c.Partitions, c.RecordsPerSecond, c.MegabytesASecond, c.CPU, c.Memory>>20)
	}
	result.Copies = nil
	text, err := json.Marshal(result)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%s: %s\n", name, text)
}

// built is the binary that the Makefile names; it builds it.
func built(b *testing.B) string {
	b.Helper()
	path := os.Getenv("SPANWAY_BINARY")
	if path == "" {
		b.Fatal("SPANWAY_BINARY names no binary; run `make bench-mirror`")
	}
	return path
}

// distant starts a source, and returns with it the address at which it is further away.
func distant(b *testing.B, roundTrip time.Duration) (source *apache.Broker, far string) {
	b.Helper()
	if roundTrip == 0 {
		source = apache.Start(b, apache.Config{})
		return source, source.Addr()
	}
	near, err := net.Listen("tcp", "127.0.0.1:0") // Of the proxy.
	if err != nil {
		b.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0") // For a port that is free.
	if err != nil {
		b.Fatal(err)
	}
	port := inner.Addr().String()
	_ = inner.Close()
	source = apache.Start(b, apache.Config{Far: &apache.Listener{Listens: port, Advertised: near.Addr().String()}})
	distance(b, near, port, roundTrip)
	return source, near.Addr().String()
}

// spanway is a replicator of the binary at the target.
func spanway(b *testing.B, binary, source, target string) Mirror {
	b.Helper()
	dir := b.TempDir()
	config := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("clusters:\n  source:\n    brokers: [%q]\n  target:\n    brokers: [%q]\n"+
		"contexts:\n  target:\n    cluster: target\n    site: target\ncurrent-context: target\n", source, target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	c := connect(b, target)
	site, err := replication.Open(b.Context(), c, replication.Options{Create: true, Brief: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = site.Close() })
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = output.Close() })
	p := &process{start: func(string) *exec.Cmd {
		cmd := exec.Command(binary, "serve", "replicator", "--config", config)
		cmd.Stdout, cmd.Stderr = output, output
		return cmd
	}}
	return &running{p, &Linked{Site: site, Target: c, Source: "source", Prefix: "spanway.", Used: p.Usage}}
}

// BenchmarkMirrorDelayOnApache measures only how late the copies of a replicator of the binary
// are, between two real brokers.
func BenchmarkMirrorDelayOnApache(b *testing.B) {
	binary := built(b)
	source, target := apache.Start(b, apache.Config{}), apache.Start(b, apache.Config{})
	cfg := MirrorConfig{
		Source: connect(b, source.Addr()), Target: connect(b, target.Addr()), Records: 1, Rate: 1000, Duration: 10 * time.Second,
		Mirror: spanway(b, binary, source.Addr(), target.Addr()),
	}
	for i := 0; b.Loop(); i++ {
		cfg.Prefix = fmt.Sprintf("delay-%d.", i)
		show(b, "spanway", &cfg)
	}
}
