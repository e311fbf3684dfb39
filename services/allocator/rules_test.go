package allocator_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

// declares writes a declaration as any producer would, and waits for its answer.
func declares(t *testing.T, at *cluster.Cluster, id string, m *events.IdsSpaceRequested) (code string) {
	t.Helper()
	r, err := events.Encoder{Source: "/test", JSON: true}.Encode(id, m)
	must(t, err)
	r.Key = []byte(id)
	_, err = at.Partition(topics.IDRequests(), events.RequestPartition(id)).Append(t.Context(), []events.Record{r})
	must(t, err)
	until(t, "the declaration "+id+" is answered", func() bool {
		log := grantLog(t, at, events.SpacePartition(m.Space))
		for i := range log {
			if a, ok := message(&log[i]).(*events.IdsAnswered); ok && a.RequestId == id {
				code = a.Code
				return true
			}
		}
		return false
	})
	return code
}

// What a declaration does not say is the default of a new space, and stays as it is of one
// that exists; to create one says all.
func TestDeclarationsKeepWhatTheyDoNotSay(t *testing.T) {
	t.Parallel()
	at, _ := system(t, nil, store.NewMemory())
	for _, c := range []struct {
		id       string
		declares *events.IdsSpaceRequested
		code     events.Code
		want     query.Space
	}{
		{"defaults", &events.IdsSpaceRequested{Space: "qz", To: 10}, "", query.Space{From: 1, To: 10, QuarantineMs: time.Hour.Milliseconds(), MaxCount: 65_536}},
		{"all", &events.IdsSpaceRequested{Space: "qy", From: proto.Int64(5), To: 10, Quarantine: "1m", MaxCount: 3, Create: true}, "", query.Space{From: 5, To: 10, QuarantineMs: 60_000, MaxCount: 3}},
		{"as it is", &events.IdsSpaceRequested{Space: "qy", To: 10}, "", query.Space{From: 5, To: 10, QuarantineMs: 60_000, MaxCount: 3}},
		{"created again", &events.IdsSpaceRequested{Space: "qy", To: 10, Create: true}, events.CodeSpaceExists, query.Space{From: 5, To: 10, QuarantineMs: 60_000, MaxCount: 3}},
		{"longer", &events.IdsSpaceRequested{Space: "qy", To: 20, Quarantine: "0s"}, "", query.Space{From: 5, To: 20, MaxCount: 3}},
		{"more in a grant", &events.IdsSpaceRequested{Space: "qy", To: 20, MaxCount: 9}, "", query.Space{From: 5, To: 20, MaxCount: 9}},
		{"from 0", &events.IdsSpaceRequested{Space: "qy", From: proto.Int64(0), To: 20}, "", query.Space{To: 20, MaxCount: 9}},
	} {
		if code := declares(t, at, c.id, c.declares); code != string(c.code) {
			t.Errorf("%s: the code is %q, want %q", c.id, code, c.code)
		}
		q := query.New(query.Config{Logs: at, Prefix: events.DefaultPrefix, Encoder: events.Encoder{Source: "/test"}, Board: at.Kafka().Board()})
		s, err := q.Space(t.Context(), c.declares.Space)
		must(t, err)
		if got := (query.Space{From: s.From, To: s.To, QuarantineMs: s.QuarantineMs, MaxCount: s.MaxCount}); got != c.want {
			t.Errorf("%s: the rules are %+v, want %+v", c.id, got, c.want)
		}
	}
}
