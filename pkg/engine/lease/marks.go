package lease

import "bytes"

// mark is the place of an event in a source log: the running number n within
// the epoch.
type mark struct{ epoch, n uint32 }

// far is beyond how many epochs an event is not believed to be the next one of its log: a
// log begins an epoch in seconds, and tells of each by what is published.
const far = 100

func (m mark) farFrom(o mark) bool { return max(m.epoch, o.epoch)-min(m.epoch, o.epoch) > far }

func (m mark) above(o mark) bool { return m.epoch > o.epoch || m.epoch == o.epoch && m.n > o.n }

// seen is what was seen of a source log.
type seen struct {
	// mark is the highest event.
	mark
	// strange is the last record that was far from it. A single one is forged or broken;
	// the next that follows it makes it the mark, and then the mark before was.
	strange *mark
}

// marks holds what was seen of every source log.
type marks map[string]*seen

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
	read, of := mark{epoch, n}, m[string(log)]
	if of == nil {
		m[string(log)] = &seen{mark: read}
		return true, true
	}
	if read.farFrom(of.mark) {
		if s := of.strange; s == nil || read.farFrom(*s) || !read.above(*s) {
			once := read
			of.strange = &once
			return false, false
		}
	} else if !read.above(of.mark) {
		return false, true
	}
	of.mark, of.strange = read, nil
	return true, true
}

// lower sets the mark of a log back to where the log ended after the loss of its
// tail, since it gives the numbers beyond that again. It never raises a mark.
func (m marks) lower(log string, to mark) (lowered bool) {
	of := m[log]
	if of == nil || !of.mark.above(to) {
		return false
	}
	of.mark, of.strange = to, nil
	return true
}

// of is the highest event seen of a log; zero if there is none.
func (m marks) of(log string) mark {
	if of := m[log]; of != nil {
		return of.mark
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
