package tasks

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// FuzzFeed: whatever stands in a log, it is judged and nothing panics.
func FuzzFeed(f *testing.F) {
	seed := []byte{}
	for i, m := range []proto.Message{eng("e", "i", 1), where("t", "engine.labels.gpu > 1"), assigned("t", 1), succeeded("t", 1)} {
		value, err := proto.Marshal(m)
		if err != nil || len(value) > 255 {
			f.Fatal(len(value), err)
		}
		for at, typ := range events.Types() {
			if typ == events.TypeOf(m) {
				seed = append(seed, byte(at), byte(len(value)))
			}
		}
		seed = append(seed, value...)
		f.Add(seed, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, loose uint8) {
		l := newLog(t)
		types := events.Types()
		for i := uint8(0); len(data) >= 2; i++ {
			typ, n := types[int(data[0])%len(types)], min(int(data[1]), len(data)-2)
			record := l.Encode(l.ID(), accepted("t"))
			record.Value, data = data[2:2+n], data[2+n:]
			record.Headers[3].Value = []byte(typ)
			records := []events.Record{record}
			l.Link(l.History, chain.Hash(l.History, records), l.Epoch, records)
			l.Land(records...)
			if typ != events.TypeLogClaimed && i != loose {
				l.History = chain.Hash(l.History, records)
			}
		}
		r := l.judge(Options{NoneOpen: true})
		skipped := int64(0)
		for _, n := range r.Skipped {
			skipped += n
		}
		if r.Counted+skipped+r.Unfinished != r.Records || r.Records != int64(len(l.Records)) {
			t.Errorf("%d records: %d counted, %d skipped, %d unfinished", r.Records, r.Counted, skipped, r.Unfinished)
		}
	})
}
