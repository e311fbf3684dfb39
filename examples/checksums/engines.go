package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spanway/spanway/pkg/engine"
)

// kind is the name that tasks and engines know the handler by.
const kind = "checksum"

// machine describes an engine of this example.
type machine struct {
	id     string
	labels map[string]any
	// shown is labels as people read them.
	shown string
	slots int64
}

var machines = []machine{
	{id: "ssd-1", labels: map[string]any{"disk": "ssd"}, shown: "disk=ssd", slots: 32},
	{id: "ssd-2", labels: map[string]any{"disk": "ssd"}, shown: "disk=ssd", slots: 16},
	{id: "hdd-1", labels: map[string]any{"disk": "hdd"}, shown: "disk=hdd", slots: 16},
	{id: victim, labels: map[string]any{"disk": "hdd"}, shown: "disk=hdd", slots: 24},
	{id: "gpu-1", labels: map[string]any{"gpu": 1}, shown: "gpu=1", slots: 8},
}

// victim is the engine that is killed. It runs in a process of its own, so that
// killing it is the real thing: no last words, no draining.
const victim = "hdd-2"

// newEngine makes the engine of a machine; its handler reads files under root only.
func newEngine(o options, m machine, root *os.Root) (*engine.Engine, error) {
	allocatable := map[string]int64{"slots": m.slots}
	if n, ok := m.labels["gpu"].(int); ok {
		allocatable["gpu"] = int64(n)
	}
	e, err := engine.New(engine.Config{
		Brokers:     o.brokers,
		ID:          m.id,
		Pool:        o.pool,
		Labels:      m.labels,
		Allocatable: allocatable,
	})
	if err != nil {
		return nil, fmt.Errorf("make engine %s: %w", m.id, err)
	}
	e.Handle(kind, func(_ context.Context, t *engine.Task) ([]byte, error) {
		r, err := checksum(root, string(t.Payload))
		if err != nil {
			return nil, err
		}
		t.ResultType = "application/json"
		return json.Marshal(r)
	})
	return e, nil
}

// checksum is the work: it reads a file and says its SHA-256. A file that is
// gone stays gone, so that error is final; others may pass.
func checksum(root *os.Root, path string) (result, error) {
	began := time.Now()
	f, err := root.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return result{}, engine.Final(engine.Fail("NOT_FOUND", err))
	}
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return result{}, err
	}
	return result{SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: n, Busy: time.Since(began).Microseconds()}, nil
}
