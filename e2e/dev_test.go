package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// What spanway dev kept survives kill -9, and it is ready again soon, also on
// the data of 100,000 tasks.
func TestDevKeepsItsData(t *testing.T) {
	const n = 100_000
	dir := t.TempDir()
	file := filepath.Join(dir, "tasks.ndjson")
	writeTasks(t, file, n)
	dev, addr, _ := startDev(t, filepath.Join(dir, "data"))
	if out, err := commandLine(t.Context(), binary, "task", "submit", "--brokers", addr, "--file", file).CombinedOutput(); err != nil {
		t.Fatalf("task submit --file: %v\n%s", err, out)
	}
	c, err := client.New(client.Config{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	if _, err := c.Wait(t.Context(), events.DefaultPool, events.TaskID(fmt.Sprint("n", n-1))); err != nil {
		t.Fatal(err)
	}
	kill(dev)
	dev.wait(patience)

	_, addr, took := startDev(t, filepath.Join(dir, "data"))
	within(t, "ready on the data of 100,000 tasks", took, 3*time.Second, busySlack)
	out, err := commandLine(t.Context(), binary, "verify", "--brokers", addr, "-o", "json").Output()
	if err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
	var report struct{ Tasks int }
	if err := json.Unmarshal(out, &report); err != nil || report.Tasks != n {
		t.Errorf("%d tasks are left of %d (%v)\n%s", report.Tasks, n, err, out)
	}
}

// startDev starts spanway dev on any port and waits for its ready line.
func startDev(t *testing.T, data string, args ...string) (dev *process, addr string, took time.Duration) {
	t.Helper()
	began := time.Now()
	dev = spanway(t, append([]string{"dev", "--port", "0", "--data", data}, args...)...)
	line := dev.out.await(t, "sites", patience)
	took = time.Since(began)
	var ready struct {
		Sites []struct{ Site, Kafka string }
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil || len(ready.Sites) != 1 {
		t.Fatalf("the ready line %q: %v", line, err)
	}
	return dev, ready.Sites[0].Kafka, took
}

func writeTasks(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(w, "{\"taskId\":\"n%d\",\"kind\":\"noop\",\"payloadJson\":{\"i\":%d}}\n", i, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
