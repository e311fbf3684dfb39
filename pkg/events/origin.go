package events

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// ClusterPartition is a partition of a topic of a cluster. Clusters are told apart by their cluster
// IDs, never by names or addresses.
type ClusterPartition struct {
	Cluster, Topic string
	Partition      int32
}

// Origin is the record in another cluster from which a replicator made a copy.
type Origin struct {
	ClusterPartition
	Offset int64
}

// String is the value of HeaderOrigin: cluster-id/topic/partition/offset.
func (o Origin) String() string { return string(o.append(nil)) }

func (o Origin) append(dst []byte) []byte {
	dst = append(append(dst, o.Cluster...), '/')
	dst = append(append(dst, o.Topic...), '/')
	dst = append(strconv.AppendInt(dst, int64(o.Partition), 10), '/')
	return strconv.AppendInt(dst, o.Offset, 10)
}

// ParseOrigin reads a value of HeaderOrigin. Its error is a *Malformed.
func ParseOrigin(value []byte) (Origin, error) {
	parts := strings.Split(string(value), "/")
	if len(parts) != 4 || !IsClusterID(parts[0]) || parts[1] == "" {
		return Origin{}, badOrigin(value)
	}
	partition, err := strconv.ParseInt(parts[2], 10, 32)
	offset, err2 := strconv.ParseInt(parts[3], 10, 64)
	o := Origin{ClusterPartition{parts[0], parts[1], int32(partition)}, offset}
	if err != nil || err2 != nil || partition < 0 || offset < 0 || o.String() != string(value) {
		return Origin{}, badOrigin(value)
	}
	return o, nil
}

func badOrigin(value []byte) error {
	return Refuse(CodeBadEnvelope, "header %s is not cluster-id/topic/partition/offset: %q", HeaderOrigin, Cut(value, 100))
}

// IsClusterID says whether a cluster ID can stand in HeaderOrigin. Those that Kafka makes
// are 22 characters of base64url.
func IsClusterID(id string) bool {
	return id != "" && len(id) <= 100 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// Hop is a cluster in which a record stood before, and its offset there.
type Hop struct {
	Cluster string
	Offset  int64
}

// Provenance is what replicators have written on a record: where its copy is from, and the
// way that it took.
type Provenance struct {
	Origin
	// Generation tells apart what was copied from topics of one name: it rises when the
	// topic was created again. The first is 1.
	Generation uint32
	// Earlier are the clusters in which the record stood before the origin, oldest first;
	// none if a producer wrote it to the origin.
	Earlier []Hop
}

// Passed says whether the record has been in a cluster before it came where it is.
func (p *Provenance) Passed(cluster string) bool {
	if p.Cluster == cluster {
		return true
	}
	for i := range p.Earlier {
		if p.Earlier[i].Cluster == cluster {
			return true
		}
	}
	return false
}

// Sweep is a record that deletes a key of a copy whose source has no record of the key any
// more, at a time in milliseconds since the Unix epoch; to be given to Mark. The origin says
// up to where the source was copied.
func (p *Provenance) Sweep(key []byte, at int64) Record {
	return Record{Key: key, Timestamp: at, Headers: []Header{{HeaderSweep, p.append(nil)}}}
}

// Swept tells whether the record that has this provenance was made by Sweep: it is the copy
// of no record. What copies it on is none of these, for its origin is another.
func (p *Provenance) Swept(r *Record) bool {
	value, ok := r.Header(HeaderSweep)
	return ok && r.Value == nil && string(value) == p.Origin.String()
}

// Born is the offset that the record got from the cluster that a producer wrote it to:
// that by which an owned log judges itself.
func (p *Provenance) Born() int64 {
	if len(p.Earlier) > 0 {
		return p.Earlier[0].Offset
	}
	return p.Offset
}

// Mark returns the copy of a record that stands at a place: with provenance, and without
// any that it had before. The record's headers stay in front, in their order. What it
// returns shares key, value, encoded headers and headers' values with r.
func (p *Provenance) Mark(r *Record, at ClusterPartition) Record {
	m := Marker{bytes: make([]byte, 0, p.room()), headers: make([]Header, len(r.Headers)+2)}
	return m.Mark(p, r, at)
}

// Marker marks many copies with few allocations: what it makes for them shares memory,
// which stays as long as one of them does. The zero value is ready; it is not safe for
// concurrent use.
type Marker struct {
	bytes   []byte
	headers []Header
}

// How much memory a Marker takes at once, in bytes and in headers.
const (
	markedBytes   = 16 << 10
	markedHeaders = 512
)

// Mark is Provenance.Mark.
func (m *Marker) Mark(p *Provenance, r *Record, at ClusterPartition) Record {
	if n := p.room(); cap(m.bytes)-len(m.bytes) < n {
		m.bytes = make([]byte, 0, max(n, markedBytes))
	}
	n := len(r.Headers) + 2
	if len(m.headers) < n {
		m.headers = make([]Header, max(n, markedHeaders))
	}
	c := *r
	c.Headers, m.headers = m.headers[:0:n], m.headers[n:]
	for _, h := range r.Headers {
		if h.Key != HeaderOrigin && h.Key != HeaderTrail {
			c.Headers = append(c.Headers, h)
		}
	}
	begin := len(m.bytes)
	m.bytes = p.Origin.append(m.bytes)
	end := len(m.bytes)
	m.bytes = p.appendTrail(m.bytes)
	origin, trail := m.bytes[begin:end:end], m.bytes[end:len(m.bytes):len(m.bytes)]
	binary.BigEndian.PutUint64(trail, digest(r, at, origin, trail[8:]))
	c.Headers = append(c.Headers, Header{HeaderOrigin, origin}, Header{HeaderTrail, trail})
	return c
}

// room is at least what both headers' values take.
func (p *Provenance) room() int {
	const number = 21 // a 64-bit integer, and what stands behind it
	n := len(p.Cluster) + len(p.Topic) + 2 + 2*number + trailHead
	for i := range p.Earlier {
		n += len(p.Earlier[i].Cluster) + 1 + number
	}
	return n
}

// trailHead is what of a HeaderTrail stands in front of the earlier clusters.
const trailHead = 8 + 4

// appendTrail appends the value of HeaderTrail, without the digest.
func (p *Provenance) appendTrail(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 0, 0, 0, 0, 0), p.Generation)
	for i, h := range p.Earlier {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(append(dst, h.Cluster...), '/'), h.Offset, 10)
	}
	return dst
}

// ProvenanceOf is the provenance of a record that stands at a place; ok is false if it has
// none. A record to which a program has copied the headers of another, or which it wrote
// to another topic, has none: HeaderTrail is bound to the record and its place. Nor has
// one whose headers are malformed or stand twice.
func ProvenanceOf(r *Record, at ClusterPartition) (p Provenance, ok bool) {
	var origin, trail []byte
	n := 0
	for i := range r.Headers {
		switch r.Headers[i].Key {
		case HeaderOrigin:
			origin, n = r.Headers[i].Value, n+1
		case HeaderTrail:
			trail, n = r.Headers[i].Value, n+16
		}
	}
	if n != 1+16 || len(trail) < trailHead || binary.BigEndian.Uint64(trail) != digest(r, at, origin, trail[8:]) {
		return Provenance{}, false
	}
	var err error
	if p.Origin, err = ParseOrigin(origin); err != nil {
		return Provenance{}, false
	}
	p.Generation = binary.BigEndian.Uint32(trail[8:])
	p.Earlier, ok = parseHops(trail[trailHead:])
	return p, ok
}

func parseHops(text []byte) (hops []Hop, ok bool) {
	if len(text) == 0 {
		return nil, true
	}
	for hop := range bytes.SplitSeq(text, []byte{','}) {
		cluster, number, found := bytes.Cut(hop, []byte{'/'})
		offset, err := strconv.ParseInt(string(number), 10, 64)
		if !found || err != nil || offset < 0 || !IsClusterID(string(cluster)) {
			return nil, false
		}
		hops = append(hops, Hop{string(cluster), offset})
	}
	return hops, true
}

// digest binds provenance to a record at a place: XXH64 (seed 0) over partition (8 bytes),
// timestamp (8 bytes), the cluster ID and topic of the place, HeaderOrigin, the rest of
// HeaderTrail, key and value, each of these six behind its length (4 bytes; null
// 0xFFFFFFFF). Integers are big-endian.
func digest(r *Record, at ClusterPartition, origin, trail []byte) uint64 {
	// All but the value is put together first, for each piece that is hashed by itself costs
	// more than its copy does.
	const usual = 512
	head := make([]byte, 0, usual)
	head = binary.BigEndian.AppendUint64(head, uint64(at.Partition))
	head = binary.BigEndian.AppendUint64(head, uint64(r.Timestamp))
	head = append(appendLength(head, len(at.Cluster), false), at.Cluster...)
	head = append(appendLength(head, len(at.Topic), false), at.Topic...)
	head = append(appendLength(head, len(origin), false), origin...)
	head = append(appendLength(head, len(trail), false), trail...)
	head = append(appendLength(head, len(r.Key), r.Key == nil), r.Key...)
	head = appendLength(head, len(r.Value), r.Value == nil)
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(head)
	_, _ = d.Write(r.Value)
	return d.Sum64()
}

// appendLength appends the length of what is hashed next.
func appendLength(dst []byte, n int, null bool) []byte {
	if null {
		n = -1
	}
	return binary.BigEndian.AppendUint32(dst, uint32(int32(n)))
}
