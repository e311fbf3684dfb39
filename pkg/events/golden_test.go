package events_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

var rewrite = flag.Bool("rewrite", false, "write the newest golden fixtures anew; those of a release must never change")

// newest is the folder of the fixtures that have every field of today's schemas.
// Whoever adds a field after a release begins a new folder; older ones stay.
const newest = "3"

// A fixture is a record as it stood on the wire: its headers, a blank line, and
// its value in hex (protobuf) or as it is (JSON).
func TestGoldenFixtures(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		for _, asJSON := range []bool{false, true} {
			name := fixtureName(typ, asJSON)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				want := eventstest.Full(typ)
				rec, err := events.Encoder{Source: "/spanway/ams/scheduler", JSON: asJSON}.Encode("spanway.tasks.events/3/7/42", want)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", "golden", newest, name)
				if *rewrite {
					if err := os.WriteFile(path, render(rec, asJSON), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if got := render(rec, asJSON); string(got) != string(text) {
					t.Errorf("the encoding changed; programs of an older release would disagree\n got %s\nwant %s", got, text)
				}
				_, got, err := events.Decode(parse(t, text, asJSON))
				if err != nil {
					t.Fatal(err)
				}
				if !proto.Equal(normalised(got), normalised(want)) {
					t.Errorf("decoded %v, want %v", got, want)
				}
			})
		}
	}
}

// TestOlderFixtures: what an older release wrote is read as it was meant, and
// would be written the same today.
func TestOlderFixtures(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", "*", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		asJSON := strings.HasSuffix(path, ".json.txt")
		env, m, err := events.Decode(parse(t, text, asJSON))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if env.Type == events.TypeTaskRequested {
			continue // Decode makes a payload of its payloadJson.
		}
		rec, err := events.Encoder{Source: env.Source, JSON: asJSON}.Encode(env.ID, m)
		if err != nil {
			t.Fatal(err)
		}
		if got := render(rec, asJSON); string(got) != string(text) {
			t.Errorf("%s: written anew it is\n%s", path, got)
		}
	}
}

// normalised applies what Decode does to payloadJson.
func normalised(m proto.Message) proto.Message {
	if r, ok := m.(*events.TaskRequested); ok {
		r = proto.Clone(r).(*events.TaskRequested)
		r.PayloadJson, r.Payload = nil, nil
		return r
	}
	return m
}

func fixtureName(typ events.Type, asJSON bool) string {
	if asJSON {
		return string(typ) + ".json.txt"
	}
	return string(typ) + ".pb.txt"
}

func render(rec events.Record, asJSON bool) []byte {
	var b strings.Builder
	for _, h := range rec.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Key, h.Value)
	}
	if asJSON {
		fmt.Fprintf(&b, "\n%s\n", rec.Value)
	} else {
		fmt.Fprintf(&b, "\n%s\n", hex.EncodeToString(rec.Value))
	}
	return []byte(b.String())
}

func parse(t *testing.T, text []byte, asJSON bool) *events.Record {
	t.Helper()
	head, value, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		t.Fatal("a fixture needs a blank line before its value")
	}
	rec := &events.Record{Value: []byte(strings.TrimSuffix(value, "\n"))}
	for line := range strings.Lines(head) {
		key, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		rec.Headers = append(rec.Headers, events.Header{Key: key, Value: []byte(v)})
	}
	if !asJSON {
		b, err := hex.DecodeString(string(rec.Value))
		if err != nil {
			t.Fatal(err)
		}
		rec.Value = b
	}
	return rec
}
