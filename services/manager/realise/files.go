package realise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Files realises objects as files. It is safe for concurrent use, of other objects.
type Files struct {
	// Dir is the directory in which they are; it is made if there is none.
	Dir string
}

// Handle is an engine.Handler: the object of the task is written, or deleted if it shall not be.
// A payload that is none is a final error.
func (f Files) Handle(_ context.Context, task *engine.Task) ([]byte, error) {
	m := &events.NetworkRealising{}
	if err := proto.Unmarshal(task.Payload, m); err != nil {
		return nil, engine.Final(fmt.Errorf("read the payload of task %s as a network.realising: %w", task.ID, err))
	}
	of, kind, err := network.ParsePath(m.Path)
	if err != nil {
		return nil, engine.Final(fmt.Errorf("task %s: %w", task.ID, err))
	}
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of what is realised: %w", err)
	}
	root, err := os.OpenRoot(f.Dir) // Nothing outside of it can be named.
	if err != nil {
		return nil, fmt.Errorf("open the directory of what is realised: %w", err)
	}
	defer func() { _ = root.Close() }()
	name := fileOf(of, kind)
	if m.Object == nil {
		return nil, remove(root, name)
	}
	return nil, write(root, name, m.Object)
}

// fileOf is the file of an object. That of a network is in the directory of its objects: a network
// may be named as a file is.
func fileOf(of network.Path, kind network.Type) string {
	name := strings.TrimPrefix(string(of), "/")
	if kind == network.NetworkType {
		name += "/network"
	}
	return name + ".json"
}

// write makes a file whole: under another name first.
func write(root *os.Root, name string, object *events.NetworkObject) error {
	text, err := asText(object)
	if err != nil {
		return engine.Final(err)
	}
	if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
		return fmt.Errorf("realise %s: %w", object.Path, err)
	}
	next, place := filepath.FromSlash(name+".next"), filepath.FromSlash(name)
	if err := root.WriteFile(next, text, 0o644); err != nil {
		return fmt.Errorf("realise %s: %w", object.Path, err)
	}
	if err := root.Rename(next, place); err != nil {
		return fmt.Errorf("realise %s: %w", object.Path, err)
	}
	return nil
}

// asText is an object as JSON for people and programs.
func asText(object *events.NetworkObject) ([]byte, error) {
	text, err := protojson.Marshal(object)
	var pretty bytes.Buffer // Protojson varies its spaces, by design.
	if err == nil {
		err = json.Indent(&pretty, text, "", "  ")
	}
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", object.Path, err)
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

// remove deletes a file, and the directories above that have become empty.
func remove(root *os.Root, name string) error {
	if err := root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		_ = root.Remove(filepath.FromSlash(dir)) // One that has other files stays.
	}
	return nil
}
