package placement

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// handOver gives what a scheduler elsewhere imports of the pool.
func (w *world) handOver(id, of string, bytes int) (parts []*events.PoolImportRequested, then *events.PoolPromoteRequested) {
	then, err := w.state.HandOver(Handover{
		Pool: blue, ID: id, Of: of, Bytes: bytes,
		Event: func(offset int64) (proto.Message, error) { return w.log[offset].Message, nil },
		Send: func(m *events.PoolImportRequested) error {
			parts = append(parts, m)
			return nil
		},
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	return parts, then
}

// moveRandom gives the pool up and takes it over again, from itself: all goes on as after the
// loss of all engines.
func (c *chaos) moveRandom() {
	id := fmt.Sprintf("i%d", c.offset)
	parts, then := c.handOver(id, fmt.Sprintf("X/log%d/0@1", c.offset), 1+c.draw(400, "bytes"))
	replaced := c.draw(4, "replaced") > 0
	if replaced {
		c.send(&events.PoolReplaceRequested{Pool: blue})
		c.submitRandom() // It is refused.
		c.advance()
	}
	if c.draw(4, "began before") == 0 {
		c.send(&events.PoolImportRequested{Pool: blue, ImportId: "x", Tasks: parts[0].Tasks})
	}
	for _, part := range parts {
		for range 1 + c.draw(2, "again") {
			c.send(part)
		}
		if c.draw(8, "failover") == 0 {
			c.failover(0)
			c.advance()
		}
	}
	c.send(then)
	c.send(then)
	if of, still := c.state.Imported(blue); still || of != then.Of && c.state.version >= foldImports {
		c.t.Fatalf("after the promotion of %v the pool is of %q, replaced %v", then, of, still)
	}
	if p := c.state.pools[blue]; replaced && p != nil && p.running > 0 && c.state.version >= foldImports {
		c.t.Fatalf("%d tasks run on", p.running)
	}
}

// The keys of tasks that ended elsewhere are those of a partition, and say nothing of a pool
// that was not imported.
func TestKeysCountWhereAPoolWasImported(t *testing.T) {
	w := newWorld(t, Config{})
	other := ""
	for n := 0; other == ""; n++ {
		if name := fmt.Sprint("pool-", n); events.PoolPartition(events.Pool(name)) == w.cfg.Partition {
			other = name
		}
	}
	submit := func(pool string) events.Type {
		rec, err := events.Encoder{Source: "/t"}.Encode("x", &events.TaskRequested{TaskId: "x", Pool: pool, Kind: "k"})
		if err != nil {
			t.Fatal(err)
		}
		w.sendRecord(w.cfg.Topics.Requests(), &rec)
		return w.log[len(w.log)-1].Type
	}
	key, of := keyOf(blue, "x"), keyOf(events.Pool(other), "x")
	part := &events.PoolImportRequested{Pool: blue, ImportId: "i", Failed: append(key[:], of[:]...)}
	w.send(part)
	w.send(&events.PoolPromoteRequested{Pool: blue, ImportId: "i", Parts: 1, Of: "X/t/0@1"})
	if got := submit(other); got != events.TypeTaskAccepted {
		t.Errorf("in a pool that was not imported the request becomes %s", got)
	}
	if got := submit(blue); got != events.TypeTaskRepeated {
		t.Errorf("in the pool that was, it becomes %s", got)
	}
	// What has ended here is not hidden by what comes.
	w.send(&events.TaskCancelRequested{TaskId: "x", Pool: other})
	rec, err := events.Encoder{Source: "/t"}.Encode("y", &events.TaskCancelRequested{TaskId: "x", Pool: other})
	if err != nil {
		t.Fatal(err)
	}
	w.sendRecord(w.cfg.Topics.Requests(), &rec)
	part = proto.CloneOf(part)
	part.ImportId = "j"
	w.send(part)
	if got := submit(other); got != events.TypeTaskRepeated {
		t.Errorf("what has ended here becomes %s", got)
	}
}

// What is handed over fits a record, however large payloads are.
func TestPartsFitRecords(t *testing.T) {
	w := newWorld(t, Config{PayloadBytes: 1})
	for i, size := range []int{1, events.MaxPayloadBytes, events.MaxPayloadBytes, 1, 200 << 10, 100 << 10} {
		w.send(&events.TaskRequested{TaskId: fmt.Sprint(i), Pool: blue, Kind: "k", Payload: make([]byte, size)})
	}
	parts, then := w.handOver("i", "X/t/0@1", 256<<10)
	n := newWorld(t, Config{})
	for _, part := range parts {
		rec, err := events.Encoder{Source: "/t"}.Encode("x", part)
		if err != nil || rec.Size() > events.MaxRecordBytes {
			t.Errorf("a part is a record of %d bytes (%v)", rec.Size(), err)
		}
		n.send(part)
	}
	if n.send(then); len(n.state.pools[blue].tasks) != 6 || then.Parts != uint32(len(parts)) {
		t.Errorf("%d of 6 tasks came in %d parts", len(n.state.pools[blue].tasks), len(parts))
	}
}

// atOther: there COMMAND ... at another site.
func (p *player) atOther(line string) string {
	if p.there == nil {
		t, ok := p.tb.(*testing.T)
		if !ok {
			p.tb.Fatal("there is no other site")
		}
		p.there = newPlayer(t)
		p.there.now = p.now
	}
	_, line, _ = strings.Cut(line, " ")
	return p.there.run(line)
}

// cmdTakeOver: take-over ID of=PLACE bytes=N parts=N: what the other site has. With fewer parts
// than there are it is no whole import.
func (p *player) cmdTakeOver(a args) {
	bytes := 1 << 20
	if n, ok := a.named["bytes"]; ok {
		bytes, _ = strconv.Atoi(n)
	}
	parts, then := p.there.handOver(a.at(0), a.named["of"], bytes)
	if n, ok := a.named["parts"]; ok {
		only, _ := strconv.Atoi(n)
		parts = parts[:only]
	}
	for _, part := range parts {
		p.send(part)
	}
	p.send(then)
}

// cmdGoBack: go-back ID of=PLACE: the other site takes over from this one.
func (p *player) cmdGoBack(a args) {
	parts, then := p.handOver(a.at(0), a.named["of"], 1<<20)
	for _, part := range parts {
		p.there.send(part)
	}
	p.there.send(then)
	p.there.advance()
	p.out.WriteString(p.there.out.String())
	p.there.out.Reset()
}

// cmdPart: part ID NUMBER
func (p *player) cmdPart(a args) {
	n, _ := strconv.Atoi(a.at(1))
	p.send(&events.PoolImportRequested{Pool: blue, ImportId: a.at(0), Number: uint32(n)})
}
