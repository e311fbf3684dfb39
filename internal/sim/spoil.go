package sim

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Spoil changes the bytes of a snapshot on its partition, as a power cut may.
func (p *Partition) Spoil(st eventlog.Stored) {
	records := p.Log.Records()
	for i := range records {
		if r := &records[i]; r.Offset >= st.First && r.Offset < st.At && partOf(r, st.Manifest) {
			r.Value[0] ^= 0xff
		}
	}
}

// partOf tells whether a record is a chunk of that snapshot: those of other writers
// may stand between.
func partOf(r *events.Record, m *events.LogSnapshot) bool {
	header, _ := r.Header(events.HeaderSnapshot)
	return strings.HasPrefix(string(header), fmt.Sprintf("%d/%d/", m.FoldVersion, m.Offset)) && len(r.Value) > 0
}
