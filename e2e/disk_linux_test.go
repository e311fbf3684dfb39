package e2e_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/disktest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// A disk that is full ends spanway dev with an error that says so. Nothing is taken for
// lost, and after a restart with room all that was acknowledged is there and done.
func TestDevOnAFullDisk(t *testing.T) {
	t.Setenv(builtBinary, binary)
	if !disktest.Apart(t) {
		return
	}
	disk := disktest.Disk(t, 24<<20)
	dev, addr, _ := startDev(t, filepath.Join(disk, "data"))
	submitted := submitUntilFull(t, addr)
	if code := dev.wait(time.Minute); code <= 0 {
		t.Errorf("dev ended with exit code %d", code)
	}
	if said := dev.log.String(); !strings.Contains(said, "the broker stopped, because its data directory "+disk) {
		t.Errorf("dev says not why it ended:\n%s", dev.log.tail(20))
	}
	disktest.Resize(t, disk, 128<<20)
	again, addr, _ := startDev(t, filepath.Join(disk, "data"))
	c, err := client.New(client.Config{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, id := range submitted {
		if r, err := c.Wait(ctx, events.DefaultPool, id); err != nil || r.State != client.Succeeded {
			t.Fatalf("task %s, which was acknowledged, ended as %v, %v", id, r.State, err)
		}
	}
	if out, err := exec.Command(binary, "verify", "--brokers", addr).CombinedOutput(); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
	for _, p := range []*process{dev, again} {
		if strings.Contains(p.log.String(), "records are gone") {
			t.Errorf("%s takes records for lost:\n%s", p.name, p.log.tail(20))
		}
	}
}

// submitUntilFull submits tasks until one is not acknowledged, and returns those that
// were.
func submitUntilFull(t *testing.T, addr string) (acknowledged []events.TaskID) {
	t.Helper()
	c, err := client.New(client.Config{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	defer func() { _ = c.Close(over) }() // What is not acknowledged is given up.
	defer cancel()
	for i := range 1000 {
		id := events.TaskID(fmt.Sprint("full", i))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := c.Submit(ctx, client.Task{ID: id, Kind: "noop", Payload: make([]byte, 64<<10)})
		cancel()
		if err != nil {
			t.Logf("%d tasks were acknowledged, then: %v", i, err)
			return acknowledged
		}
		acknowledged = append(acknowledged, id)
	}
	t.Fatal("the disk never was full")
	return nil
}
