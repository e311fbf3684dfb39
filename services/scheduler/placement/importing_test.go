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
