package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spanway/spanway/internal/disktest"
	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/internal/redistest"
)

// G9 on full disks: that of Redis, which then refuses changes, and that of the broker,
// which then ends.
func TestRealRedisIdentifiersOnFullDisks(t *testing.T) {
	if !disktest.Apart(t) {
		return
	}
	ofRedis, ofBroker := disktest.Disk(t, 32<<20), disktest.Disk(t, 64<<20)
	b := &kfakeBroker{t: t, port: porttest.Kept(t), dir: filepath.Join(ofBroker, "data")}
	b.Start()
	redis := redistest.Start(t, "--dir", ofRedis, "--appendonly", "yes")
	w := newIDWorld(t, b, redis, "full.", binary, nil, nil)

	room := fill(t, ofRedis)
	for _, p := range w.allocators {
		p.log.await(t, "Redis cannot write to its disk", patience)
	}
	room()
	w.callers.progress("since Redis has room again")

	room = fill(t, ofBroker)
	b.process.wait(patience)
	room()
	b.Start()
	w.callers.progress("since the broker has room again")
	w.judge()
}

// fill leaves nothing of a disk, until it is given back.
func fill(t *testing.T, disk string) (giveBack func()) {
	t.Helper()
	name := filepath.Join(disk, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(b)
	}
	t.Logf("the disk is full: %v", err)
	return func() {
		f.Close()
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
