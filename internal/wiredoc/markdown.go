package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

const intro = `<!-- Written by make generate (internal/wiredoc): edit the comments in pkg/events/proto instead. -->

# Events, commands and reports

Every type of record, with its JSON. [The wire](wire.md) says how they go together; [asyncapi.yaml](asyncapi.yaml) says the same to a machine, and each type has a JSON Schema. The examples are the golden fixtures, in which every field is set, to no sensible value; on the wire a field at its default is left out.

JSON is the protojson mapping: 64-bit integers are strings, bytes are base64. Some fields recur: ` + "`taskId`, `pool`, `engineId`" + ` name what it is about; ` + "`incarnation`" + ` is one life of the engine, a UUIDv7; ` + "`attempt`" + ` counts from 1; ` + "`token`" + ` fences the attempt and only grows; ` + "`atMs`" + ` is when it was decided, in milliseconds since the Unix epoch.

## Headers

| Header | On | Value |
|---|---|---|
`

// groups are the parts of the document.
var groups = []struct {
	title, text string
	kind        events.Kind
}{
	{"Commands", "Anybody may write them. An unknown field is refused.", events.Command},
	{"Events", "Only the owner of the log writes them, and only what counts is true. Ignore fields that you do not know.", events.Event},
	{"Reports", "Engines write them. An unknown field is refused.", events.Report},
	{"Notices", "They stand on other topics than the log, and decide nothing.", events.Notice},
}

func markdown(types []entry) []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	for _, h := range headers() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(h.name, ", ", "`, `"), h.on, h.text)
	}
	b.WriteString("\n## Topics\n\n| Topic | Partitions | Key | Has |\n|---|---|---|---|\n")
	for _, c := range channels() {
		key := c.key
		if key == "" {
			key = "none"
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", c.topic, c.partitions, key, c.text)
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", g.title, g.text)
		for _, e := range types {
			if events.KindOf(e.typ) == g.kind {
				section(&b, e)
			}
		}
	}
	return b.Bytes()
}

func section(b *bytes.Buffer, e entry) {
	var on []string
	for _, c := range channels() {
		if c.has(e.typ) {
			on = append(on, "`"+c.topic+"`")
		}
	}
	fmt.Fprintf(b, "\n### %s\n\n%s On %s. [Schema](%s).\n\n```json\n", e.typ, e.text, strings.Join(on, ", "), e.schema)
	_ = json.Indent(b, e.example, "", "  ") // A fixture that is no JSON fails its own test.
	b.WriteString("\n```\n")
}
