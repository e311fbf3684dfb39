package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// rules are those of a site, in a directory.
type rules struct {
	dir string
	// check looks at a file of rules, and changes nothing.
	check func(ctx context.Context, file string) error
	mu    sync.Mutex // Tasks of different objects run at the same time, and render one file.
}

// handle is an engine.Handler. Run again it does the same again.
func (r *rules) handle(ctx context.Context, task *engine.Task) ([]byte, error) {
	m := &events.NetworkRealising{}
	if err := proto.Unmarshal(task.Payload, m); err != nil {
		return nil, engine.Final(fmt.Errorf("read the payload of task %s as a network.realising: %w", task.ID, err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all, err := r.read()
	if err != nil {
		return nil, err
	}
	p := network.Path(m.Path)
	if all[p] = m.Object; m.Object == nil {
		delete(all, p)
	}
	next := filepath.Join(r.dir, "rules.next")
	if err := os.WriteFile(next, []byte(all.render()), 0o600); err != nil {
		return nil, fmt.Errorf("realise %s: %w", m.Path, err)
	}
	if err := r.check(ctx, next); err != nil {
		return nil, engine.Final(fmt.Errorf("realise %s: %w", m.Path, err))
	}
	// The objects first: rules that are older than they are come right with the task that is
	// run again.
	if err := r.keep(m); err != nil {
		return nil, fmt.Errorf("realise %s: %w", m.Path, err)
	}
	if err := os.Rename(next, filepath.Join(r.dir, "rules.nft")); err != nil {
		return nil, fmt.Errorf("realise %s: %w", m.Path, err)
	}
	return nil, nil
}

// file is where an object is kept.
func (r *rules) file(path string) string {
	return filepath.Join(r.dir, strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ",")+".json")
}

// keep writes an object whole, or removes it.
func (r *rules) keep(m *events.NetworkRealising) error {
	if m.Object == nil {
		if err := os.Remove(r.file(m.Path)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := protojson.Marshal(m.Object)
	if err != nil {
		return err
	}
	next := filepath.Join(r.dir, "object.next")
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, r.file(m.Path))
}

// read reads all objects that are kept.
func (r *rules) read() (objects, error) {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of the rules: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(r.dir, "*.json"))
	all := objects{}
	for _, file := range files {
		text, failed := os.ReadFile(file)
		o := &events.NetworkObject{}
		if failed == nil {
			failed = protojson.Unmarshal(text, o)
		}
		if err = errors.Join(err, failed); failed == nil {
			all[network.Path(o.Path)] = o
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the objects in %s: %w", r.dir, err)
	}
	return all, nil
}

// nft has nftables look at a file of rules, which changes nothing.
func nft(ctx context.Context, file string) error {
	var says bytes.Buffer
	c := exec.CommandContext(ctx, "nft", "--check", "--file", file)
	c.Stdout, c.Stderr = &says, &says
	if err := c.Run(); err != nil {
		return fmt.Errorf("nft --check: %w: %s", err, strings.TrimSpace(says.String()))
	}
	return nil
}
