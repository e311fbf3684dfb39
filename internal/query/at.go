package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Codes of answers about the past, besides those of wire.md.
const (
	// CodeNoHistory: the moment is before what the log still holds.
	CodeNoHistory events.Code = "NO_HISTORY"
	// CodeNotYet: the moment has not come.
	CodeNotYet events.Code = "NOT_YET"
	// CodePoolNeeded: an offset means nothing without the pool whose log it is of.
	CodePoolNeeded events.Code = "POOL_NEEDED"
)

// At is a moment of an owned log, such as tasks.events: an answer is the fold of everything below an
// offset, or up to the last event at or before a time. The zero value is now: the
// log read to its end.
type At struct {
	kind atKind
	// value is the offset, or the time in milliseconds since the Unix epoch.
	value int64
	// topic and partition of an offset that names its place; topic is empty if not.
	topic     string
	partition int32
}

type atKind uint8

const (
	atEnd atKind = iota
	atOffset
	atTime
)

// AtOffset is the moment at which everything below that offset of a pool's
// partition had been decided.
func AtOffset(offset int64) At { return At{kind: atOffset, value: offset} }

// AtTime is the moment after the last event at or before t, to the millisecond.
func AtTime(t time.Time) At { return At{kind: atTime, value: t.UnixMilli()} }

// ParseAt reads a moment: an offset (1841), a place as answers end with
// (tasks.events/3@1841), a time (RFC 3339) or a duration before now (10m). Empty
// is now.
func ParseAt(text string, now time.Time) (At, error) {
	if text == "" {
		return At{}, nil
	}
	if place, offset, ok := strings.Cut(text, "@"); ok {
		slash := strings.LastIndexByte(place, '/')
		p, errP := strconv.ParseInt(place[slash+1:], 10, 32)
		n, errN := strconv.ParseInt(offset, 10, 64)
		if slash > 0 && errP == nil && errN == nil && p >= 0 && n >= 0 {
			return At{kind: atOffset, value: n, topic: place[:slash], partition: int32(p)}, nil
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return AtOffset(n), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return AtTime(t), nil
	}
	if d, err := events.ParseDuration(text); err == nil && d >= 0 {
		return AtTime(now.Add(-d)), nil
	}
	return At{}, fmt.Errorf("moment %.80q: give an offset (1841), a place (tasks.events/3@1841), a time (2026-11-25T09:30:00Z) or how long ago (10m)", text)
}

// Now tells whether no moment of the past is meant.
func (a At) Now() bool { return a.kind == atEnd }

// Offset is the moment's offset, if it is given as one.
func (a At) Offset() (offset int64, ok bool) { return a.value, a.kind == atOffset }

// Partition is the one that the moment is of, if it is a place.
func (a At) Partition() (partition int32, ok bool) { return a.partition, a.topic != "" }

// TimeMs is the moment's time in milliseconds since the Unix epoch, if it is
// given as one.
func (a At) TimeMs() (ms int64, ok bool) { return a.value, a.kind == atTime }

// String writes the moment as ParseAt reads it; empty for now.
func (a At) String() string {
	switch {
	case a.kind == atTime:
		return events.Stamp(a.value)
	case a.kind == atOffset && a.topic != "":
		return Position{a.topic, a.partition, a.value}.String()
	case a.kind == atOffset:
		return strconv.FormatInt(a.value, 10)
	}
	return ""
}

// the returns the moment that options name: the last of them.
func the(at []At) At {
	if len(at) == 0 {
		return At{}
	}
	return at[len(at)-1]
}

// needsPool tells whether the moment means something in one partition only, and
// does not say in which.
func (a At) needsPool() bool { return a.kind == atOffset && a.topic == "" }

// readAt lists the partitions that an answer about a pool (all, if none is
// named) at a moment is read from.
func (q *Querier) readAt(pool events.Pool, at At) ([]int32, error) {
	partitions := q.partitionsOf(pool)
	switch {
	case at.kind != atOffset:
	case at.topic != "":
		topic := q.topics.Events()
		if at.topic != topic && q.topics.Prefix+at.topic != topic || at.partition >= events.PoolPartitions {
			return nil, &client.Refused{Code: events.CodeBadData, Message: fmt.Sprintf("%s is no place of %s", at, topic)}
		}
		if pool != "" && partitions[0] != at.partition {
			return nil, &client.Refused{Code: events.CodeWrongPartition, Message: fmt.Sprintf(
				"pool %q is on %s/%d, and %s is another partition's", pool, topic, partitions[0], at)}
		}
		return []int32{at.partition}, nil
	case pool == "":
		return nil, &client.Refused{Code: CodePoolNeeded, Message: fmt.Sprintf(
			"offset %d is of one partition: name the pool, or write the place as %s/PARTITION@%d", at.value, q.topics.Events(), at.value)}
	}
	return partitions, nil
}
