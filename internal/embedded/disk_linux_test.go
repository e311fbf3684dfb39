package embedded_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/disktest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

const (
	small = 8 << 20
	large = 64 << 20
)

// A producer goes on over a disk that is full and a restart with room: each record is
// acknowledged once it is there, and not before, however often it is sent again.
func TestAFullDiskIsNoAcknowledgement(t *testing.T) {
	if !disktest.Apart(t) {
		return
	}
	embedded.Unwatched()
	dir := disktest.Disk(t, small)
	b := startOn(t, embedded.Config{DataDir: dir})
	const records, size = 50, 300 << 10 // more than fits
	sent := make(chan []string, 1)
	go func() { sent <- send(t, b, records, size) }()
	failed(t, b, "no space left on device")
	b.Close()
	disktest.Resize(t, dir, large)
	_, port, _ := net.SplitHostPort(b.Addr())
	again := embedded.Config{DataDir: dir}
	again.Port, _ = strconv.Atoi(port)
	b = startOn(t, again)
	kept := <-sent
	if len(kept) != records {
		t.Errorf("%d records of %d were acknowledged", len(kept), records)
	}
	b.Close()
	holds(t, dir, kept)
}

// The broker notices that a disk is nearly full while what it has still to write fits.
func TestAFullDiskIsNoticed(t *testing.T) {
	if !disktest.Apart(t) {
		return
	}
	dir := disktest.Disk(t, small)
	b := startOn(t, embedded.Config{DataDir: dir})
	kept := send(t, b, 10, 100)
	if err := os.WriteFile(filepath.Join(dir, "another file"), make([]byte, small-(2<<20)), 0o644); err != nil {
		t.Fatal(err)
	}
	failed(t, b, "are left of its disk")
	b.Close()
	if _, err := embedded.Start(embedded.Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "are left of its disk") {
		t.Fatalf("a broker started on a full disk: %v", err)
	}
	disktest.Resize(t, dir, large)
	holds(t, dir, kept)
}

func TestADirectoryThatBecomesReadOnly(t *testing.T) {
	if !disktest.Apart(t) {
		return
	}
	dir := disktest.Disk(t, large)
	b := startOn(t, embedded.Config{DataDir: dir})
	kept := send(t, b, 10, 100)
	undo := disktest.ReadOnly(t, dir)
	failed(t, b, "read-only file system")
	b.Close()
	if _, err := embedded.Start(embedded.Config{DataDir: dir}); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("a broker started on a read-only disk: %v", err)
	}
	undo()
	holds(t, dir, kept)
}

// Files that no name leads to can be written, and are gone with the process.
func TestADirectoryThatIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	b := startOn(t, embedded.Config{DataDir: dir})
	send(t, b, 1, 10)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	failed(t, b, "no such file or directory")
}

func failed(t *testing.T, b *embedded.Broker, because string) {
	t.Helper()
	select {
	case <-b.Failed():
	case <-time.After(30 * time.Second):
		t.Fatal("the broker goes on")
	}
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), because) {
		t.Fatalf("it says: %v", err)
	}
}

// holds starts a broker on dir, where what was acknowledged must be found.
func holds(t *testing.T, dir string, kept []string) {
	t.Helper()
	b := startOn(t, embedded.Config{DataDir: dir})
	defer b.Close()
	c := kafka.New(kafka.Config{Brokers: b.Addrs()})
	defer c.Close()
	p := c.Partition("t", 0)
	for from := int64(0); from < int64(len(kept)); {
		page, err := p.Fetch(t.Context(), from, time.Second)
		if err != nil || len(page.Records) == 0 {
			t.Fatalf("%d records were acknowledged; at %d there is %v, %v", len(kept), from, page, err)
		}
		for _, r := range page.Records {
			if r.Offset < int64(len(kept)) && string(r.Key) != kept[r.Offset] {
				t.Fatalf("%q is at %d, where %q was acknowledged", r.Key, r.Offset, kept[r.Offset])
			}
		}
		from = page.Next
	}
	if _, err := p.Append(t.Context(), []events.Record{{Value: []byte("x")}}); err != nil {
		t.Fatalf("append after the restart: %v", err)
	}
}
