package embedded

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// LoseGroups has every member of a consumer group hear from now on that its group has no
// coordinator, until found is called; for tests.
func (b *Broker) LoseGroups() (found func()) {
	const code = 15 // COORDINATOR_NOT_AVAILABLE
	lost := &atomic.Bool{}
	lost.Store(true)
	for key, answer := range map[kmsg.Key]func(kmsg.Request) kmsg.Response{
		kmsg.JoinGroup: func(r kmsg.Request) kmsg.Response {
			a := r.ResponseKind().(*kmsg.JoinGroupResponse)
			a.ErrorCode = code
			return a
		},
		kmsg.SyncGroup: func(r kmsg.Request) kmsg.Response {
			a := r.ResponseKind().(*kmsg.SyncGroupResponse)
			a.ErrorCode = code
			return a
		},
		kmsg.Heartbeat: func(r kmsg.Request) kmsg.Response {
			a := r.ResponseKind().(*kmsg.HeartbeatResponse)
			a.ErrorCode = code
			return a
		},
	} {
		b.cluster.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			if !lost.Load() {
				return nil, nil, false
			}
			b.cluster.KeepControl()
			return answer(r), nil, true
		})
	}
	return func() { lost.Store(false) }
}
