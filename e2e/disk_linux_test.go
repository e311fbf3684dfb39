package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
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
	t.Parallel()
	if !disktest.Apart(t) {
		return
	}
	disk := disktest.Disk(t, 24<<20)
	dev, addr, _ := startDev(t, filepath.Join(disk, "data"))
	submitted := submitUntilFull(t, dev, addr)
	if code := dev.wait(patience); code <= 0 {
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
	allSucceed(t, c, submitted)
	if out, err := commandLine(t.Context(), binary, "verify", "--brokers", addr).CombinedOutput(); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
	for _, p := range []*process{dev, again} {
		if strings.Contains(p.log.String(), "records are gone") {
			t.Errorf("%s takes records for lost:\n%s", p.name, p.log.tail(20))
		}
	}
}

// allSucceed reads the log from its beginning until each of the tasks has succeeded.
func allSucceed(t *testing.T, c *client.Client, tasks []events.TaskID) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), 3*time.Minute)
	defer done()
	open := map[string]bool{}
	for _, id := range tasks {
		open[string(id)] = true
	}
	err := c.Watch(ctx, client.WatchConfig{Pool: events.DefaultPool, FromStart: true}, func(e client.Event) error {
		if m, ok := e.Message.(*events.TaskSucceeded); ok {
			delete(open, m.TaskId)
		}
		if len(open) == 0 {
			done()
		}
		return nil
	})
	if err != nil || len(open) > 0 {
		t.Errorf("of %d tasks, which were acknowledged, %d have not succeeded: %v, %v", len(tasks), len(open), slices.Collect(maps.Keys(open)), err)
	}
}

// submitUntilFull submits tasks until the process has ended, and returns those that were
// acknowledged.
func submitUntilFull(t *testing.T, dev *process, addr string) (acknowledged []events.TaskID) {
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
		if err == nil {
			acknowledged = append(acknowledged, id)
			continue
		}
		select {
		case <-dev.done:
			t.Logf("%d tasks were acknowledged, then: %v", len(acknowledged), err)
			return acknowledged
		default: // It is slow.
		}
	}
	t.Fatal("the disk never was full")
	return nil
}
