package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// entry is a type of record.
type entry struct {
	typ events.Type
	// message is the name of its schema, such as TaskAccepted.
	message string
	text    string
	// schema is the path of its JSON Schema, from docs.
	schema string
	// example is its data in the newest golden fixture.
	example []byte
}

// catalogue describes all types, in the order of a task's life.
func catalogue(root string) ([]entry, error) {
	var all []entry
	for _, t := range events.Types() {
		e := entry{typ: t, message: string(events.New(t).ProtoReflect().Descriptor().Name())}
		reading := "open"
		if k := events.KindOf(t); k == events.Command || k == events.Report {
			reading = "strict"
		}
		e.schema = fmt.Sprintf("schemas/%s/spanway.v1.%s.jsonschema.bundle.json", reading, e.message)
		var err error
		if e.text, err = description(filepath.Join(root, "docs", e.schema), e.message); err != nil {
			return nil, err
		}
		if e.example, err = example(root, t); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// description is what the schema says of the message itself.
func description(path, message string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the schema of %s (buf makes it): %w", message, err)
	}
	var schema struct {
		Defs map[string]struct{ Description string } `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	d := schema.Defs["spanway.v1."+message+".jsonschema.json"].Description
	if d == "" {
		return "", fmt.Errorf("%s has no description: write a comment above message %s in its .proto file", path, message)
	}
	return strings.Join(strings.Fields(d), " "), nil
}

// example is the data of the fixture in the newest folder that has one.
func example(root string, t events.Type) ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(root, "pkg", "events", "testdata", "golden", "*", string(t)+".json.txt"))
	if err == nil && len(paths) == 0 {
		err = errors.New("there is no golden fixture")
	}
	if err != nil {
		return nil, fmt.Errorf("find an example of %s: %w", t, err)
	}
	text, err := os.ReadFile(paths[len(paths)-1])
	if err != nil {
		return nil, fmt.Errorf("read the example of %s: %w", t, err)
	}
	_, data, _ := bytes.Cut(text, []byte("\n\n"))
	return bytes.TrimSpace(data), nil
}

// field is a header of records.
type field struct{ name, on, text string }

// headers are those of docs/wire.md, in the order in which they are written.
func headers() []field {
	return []field{
		{events.HeaderSpecVersion, "every record", "`1.0`"},
		{events.HeaderID, "every record", "of an event `<topic>/<partition>/<epoch>/<n>`; of a request the producer's choice, which becomes the task's ID if `taskId` is empty"},
		{events.HeaderSource, "every record", "of Spanway's services `/spanway/<site>/<service>`"},
		{events.HeaderType, "every record", "one of the types below"},
		{events.HeaderSubject, "optional", "nothing is decided by it"},
		{events.HeaderTime, "optional, of producers", "nothing is decided by it"},
		{events.HeaderContentType, "JSON data", "`application/json`; absent or `application/protobuf`: protobuf; `application/cloudevents+json`: the whole event is in the value (read, not written)"},
		{events.HeaderTraceparent + ", " + events.HeaderTracestate, "optional", "W3C trace context"},
		{events.HeaderLog, "first record of a batch on tasks.events", "32 bytes by which readers judge what counts"},
		{events.HeaderInputs, "first record of a batch on tasks.events", "`topic/partition@next,…`: the inputs that it was decided from"},
		{events.HeaderFrom, "copies of events", "`topic/partition/epoch/n` of the event"},
		{events.HeaderSnapshot, "tasks.events.snapshots", "`<fold version>/<offset>/<chunk>/<chunks>`"},
	}
}
