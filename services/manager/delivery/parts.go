package delivery

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/network"
)

// maxMessageBytes is how large an entry may be: as the payload of a queue, and as a record of an
// inbox, which the local manager must be able to put into one of its own.
const maxMessageBytes = queue.MaxEntryBytes

// segmentBytes is about how large the segments of a full sync are. An object is smaller.
const segmentBytes = 128 << 10

// Attempt is one at a full sync: all of it, as it was at one time.
type Attempt struct {
	id   string
	of   network.SyncOf
	cuts []int // where segments end
}

// NewAttempt divides a full sync into messages, under an ID that no other attempt has.
func NewAttempt(of network.SyncOf, id string) *Attempt { return divide(of, id, segmentBytes) }

func divide(of network.SyncOf, id string, most int) *Attempt {
	a := &Attempt{id: id, of: of}
	of.Begin.SyncId = id
	bytes := 0
	for i, o := range of.Objects {
		n := proto.Size(o.Message)
		if bytes > 0 && bytes+n > most {
			a.cuts, bytes = append(a.cuts, i), 0
		}
		bytes += n
	}
	if len(of.Objects) > 0 {
		a.cuts = append(a.cuts, len(of.Objects))
	}
	return a
}

// Parts is how many messages it has: the begin, its segments, and the end.
func (a *Attempt) Parts() uint64 { return uint64(len(a.cuts)) + 2 }

// Part is one of them, and the ID of its record.
func (a *Attempt) Part(n uint64) Message {
	id := fmt.Sprintf("%s.%d", a.id, n)
	switch {
	case n == 0:
		return Message{id, a.of.Begin}
	case n > uint64(len(a.cuts)):
		return Message{id, &events.NetworkSyncEnd{SyncId: a.id, Segments: uint32(len(a.cuts)), Digest: a.of.Digest}}
	}
	from := 0
	if n > 1 {
		from = a.cuts[n-2]
	}
	return Message{id, &events.NetworkSyncSegment{SyncId: a.id, Number: uint32(n - 1), Objects: revised(a.of.Objects[from:a.cuts[n-1]])}}
}

func revised(objects []*model.Object) (out []*events.NetworkRevised) {
	for _, o := range objects {
		out = append(out, o.Revised())
	}
	return out
}

// Message is one for a site's inbox.
type Message struct {
	// ID of its record.
	ID      string
	Message proto.Message
}

// entryMessage is an entry as it is sent.
func entryMessage(e *events.NetworkEntry) Message {
	return Message{fmt.Sprintf("%s.%d-%d", e.Site, e.Term, e.Sequence), e}
}

// tooLarge tells whether an entry can be sent as no record: a full sync brings it.
func tooLarge(e *events.NetworkEntry) bool { return proto.Size(e) > maxMessageBytes }

// item is an entry as it is put into the queue. One that is too large is there without what it
// brings: it is taken from the fold, as all are, when it is sent.
func item(e *events.NetworkEntry) (queue.Item, error) {
	if tooLarge(e) {
		e = &events.NetworkEntry{Site: e.Site, Term: e.Term, Sequence: e.Sequence, Previous: e.Previous, Change: e.Change}
	}
	id := queue.Sequence{Term: e.Term, Number: e.Sequence}.String()
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		return queue.Item{}, fmt.Errorf("write entry %s of %s: %w", id, e.Site, err)
	}
	return queue.Item{ID: id, Payload: payload, Type: events.ContentProtobuf}, nil
}
