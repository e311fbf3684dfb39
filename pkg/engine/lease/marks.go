package lease

import "bytes"

// mark is the place of an event in a source log: the running number n within
// the epoch.
type mark struct{ epoch, n uint32 }

// marks holds the highest event seen of every source log.
type marks map[string]*mark

// recovered is the newest loss of a log's tail that was told, by its time.
type recovered map[string]int64

// above reads a spanway-from header ("topic/partition/epoch/n"), tells whether
// it is above all seen before from that log, and raises the mark. It is called
// for every record of the partition, those for other engines included, so it
// allocates only when it meets a new log.
func (m marks) above(from []byte) (fresh, ok bool) {
	slash := bytes.LastIndexByte(from, '/')
	if slash < 0 {
		return false, false
	}
	n, ok := number(from[slash+1:])
	if !ok {
		return false, false
	}
	from = from[:slash]
	if slash = bytes.LastIndexByte(from, '/'); slash < 0 {
		return false, false
	}
	epoch, ok := number(from[slash+1:])
	if !ok {
		return false, false
	}
	log := from[:slash]
	if bytes.LastIndexByte(log, '/') <= 0 {
		return false, false
	}
	seen := m[string(log)]
	if seen == nil {
		m[string(log)] = &mark{epoch, n}
		return true, true
	}
	if epoch < seen.epoch || epoch == seen.epoch && n <= seen.n {
		return false, true
	}
	*seen = mark{epoch, n}
	return true, true
}

// lower sets the mark of a log back to where the log ended after the loss of its
// tail, since it gives the numbers beyond that again. It never raises a mark.
func (m marks) lower(log string, to mark) (lowered bool) {
	seen := m[log]
	if seen == nil || seen.epoch < to.epoch || seen.epoch == to.epoch && seen.n <= to.n {
		return false
	}
	*seen = to
	return true
}

// of is the highest event seen of a log; zero if there is none.
func (m marks) of(log string) mark {
	if seen := m[log]; seen != nil {
		return *seen
	}
	return mark{}
}

// number reads an unsigned decimal of 32 bits.
func number(b []byte) (uint32, bool) {
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if v = v*10 + uint64(c-'0'); v > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(v), len(b) > 0
}
