package eventlog

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// TopicPartition names a partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Positions are the next offsets to be read of an owner's inputs, in the order
// of topic and partition. There are few, so they are searched one by one.
type Positions []Position

// Position is the next offset to be read of one input.
type Position struct {
	TopicPartition
	Next int64
}

// Set notes where to read a partition on.
func (p *Positions) Set(topic string, partition int32, next int64) {
	list := *p
	for i := range list {
		if list[i].Partition == partition && list[i].Topic == topic {
			list[i].Next = next
			return
		}
	}
	list = append(list, Position{TopicPartition{topic, partition}, next})
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.Topic != b.Topic {
			return a.Topic < b.Topic
		}
		return a.Partition < b.Partition
	})
	*p = list
}

// Map returns the positions by partition.
func (p Positions) Map() map[TopicPartition]int64 {
	m := make(map[TopicPartition]int64, len(p))
	for _, at := range p {
		m[at.TopicPartition] = at.Next
	}
	return m
}

// Append appends the value of the header spanway-inputs to dst.
func (p Positions) Append(dst []byte) []byte {
	for i, at := range p {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, at.Topic...), '/')
		dst = append(strconv.AppendInt(dst, int64(at.Partition), 10), '@')
		dst = strconv.AppendInt(dst, at.Next, 10)
	}
	return dst
}

// ParsePositions reads the value of the header spanway-inputs.
func ParsePositions(b []byte) (Positions, error) {
	var p Positions
	for rest := string(b); rest != ""; {
		var one string
		one, rest, _ = strings.Cut(rest, ",")
		place, next, ok := strings.Cut(one, "@")
		slash := strings.LastIndexByte(place, '/')
		if !ok || slash < 1 {
			return nil, fmt.Errorf("input position %.200q: must be topic/partition@next", one)
		}
		partition, err := strconv.ParseInt(place[slash+1:], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("input position %.200q: partition: %w", one, err)
		}
		offset, err := strconv.ParseInt(next, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("input position %.200q: next offset: %w", one, err)
		}
		p.Set(place[:slash], int32(partition), offset)
	}
	return p, nil
}
