package embedded

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxRequest is the largest request that is read; Apache Kafka takes no larger one either
// (socket.request.max.bytes).
const maxRequest = 100 << 20

// errSize ends a connection that announces a larger request.
var errSize = errors.New("a client announces a request that is larger than 100 MiB, or speaks another protocol")

// joinLasts is how long a member may wait in JoinGroup after its connection has ended;
// Apache Kafka gives a new member as long to join.
const joinLasts = 5 * time.Minute

// joining follows what a connection sends, and knows whether it waits for the answer to
// a JoinGroup. kfake starts the session of a member when it answers that, and does not if
// the connection has ended by then: the member would never expire. So the end of a
// connection is kept back until the answer is written.
//
// Only Read's goroutine uses the fields above mu.
type joining struct {
	head [12]byte // of the request that is read: size, key, version, correlation ID
	have int      // bytes of head
	left int      // bytes of the request beyond head

	mu       sync.Mutex
	id       uint32        // correlation ID of the JoinGroup
	answered chan struct{} // closed when it is answered; nil if none waits
}

// sent is told of bytes that the client sent. It fails if they begin a request that is too
// large: kfake would make room for all of it at once, such as for 1.2 GB if a client sends
// "HEAD / HTTP/1.1".
func (j *joining) sent(b []byte) error {
	for len(b) > 0 {
		if j.have < len(j.head) {
			n := copy(j.head[j.have:], b)
			j.have += n
			b = b[n:]
			if j.have >= 4 && binary.BigEndian.Uint32(j.head[:]) > maxRequest {
				return errSize
			}
			if j.have < len(j.head) {
				return nil
			}
			j.left = int(binary.BigEndian.Uint32(j.head[:])) - (len(j.head) - 4)
		}
		n := max(min(j.left, len(b)), 0)
		j.left -= n
		b = b[n:]
		if j.left <= 0 {
			j.have = 0
			j.begin()
		}
	}
	return nil
}

// begin is called with the head of a request that was read.
func (j *joining) begin() {
	if kmsg.Key(binary.BigEndian.Uint16(j.head[4:])) != kmsg.JoinGroup {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.id, j.answered = binary.BigEndian.Uint32(j.head[8:]), make(chan struct{})
}

// wrote is told of an answer, which kfake writes whole.
func (j *joining) wrote(b []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.answered != nil && len(b) >= 8 && binary.BigEndian.Uint32(b[4:]) == j.id {
		close(j.answered)
		j.answered = nil
	}
}

// wait returns when no JoinGroup waits for its answer, or the broker has given the
// connection up.
func (j *joining) wait(closed, failed <-chan struct{}) {
	j.mu.Lock()
	answered := j.answered
	j.mu.Unlock()
	if answered == nil {
		return
	}
	late := time.NewTimer(joinLasts)
	defer late.Stop()
	select {
	case <-answered:
	case <-closed:
	case <-failed:
	case <-late.C:
	}
}
