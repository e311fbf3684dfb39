package logownertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
)

// InputsPort are inputs of two topics, each of one partition; the value of an input is
// that of its record.
type InputsPort struct {
	Inputs eventlog.Inputs[string]
	Topics [2]eventlog.TopicPartition
	// Append appends to one of them.
	Append func(topic int, values ...string)
	Now    func() time.Time
}

// Inputs tests inputs of plain topics. What they do when a tail is lost is not part of
// the contract.
func Inputs(t *testing.T, with func(t *testing.T, body func(in InputsPort))) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, InputsPort){
		"each topic is read in its order, from positions": readsFromPositions,
		"a seek makes void what was read":                 seeksAgain,
		"what comes later comes":                          comesLater,
		"nothing is waited for if it is not to":           waitsNot,
		"read to means that all before was handed out":    readsTo,
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(in InputsPort) { test(t, in) })
		})
	}
}

// take collects n inputs, by topic; offsets must follow from what was sought.
func (in InputsPort) take(t *testing.T, n int, next map[eventlog.TopicPartition]int64) (got [2][]string) {
	t.Helper()
	taken := 0
	for range 1000 {
		a, err := in.Inputs.Next(context.Background(), eventlog.Wait{For: 20 * time.Millisecond})
		if err != nil {
			t.Errorf("next: %v", err)
			return got
		}
		for _, i := range a.Inputs {
			at := eventlog.TopicPartition{Topic: i.Topic, Partition: i.Partition}
			if i.Offset != next[at] {
				t.Errorf("%s is handed out at %d, want %d", i.Topic, i.Offset, next[at])
			}
			next[at] = i.Offset + 1
			topic := slices.Index(in.Topics[:], at)
			got[topic] = append(got[topic], i.Value)
		}
		taken += len(a.Inputs)
		if taken >= n {
			return got
		}
	}
	t.Errorf("%d of %d inputs came: %q", taken, n, got)
	return got
}

func numbers(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func readsFromPositions(t *testing.T, in InputsPort) {
	in.Append(0, numbers(0, 30)...)
	in.Append(1, numbers(0, 10)...)
	next := map[eventlog.TopicPartition]int64{in.Topics[0]: 7}
	in.Inputs.Seek(map[eventlog.TopicPartition]int64{in.Topics[0]: 7})
	got := in.take(t, 33, next)
	if !slices.Equal(got[0], numbers(7, 30)) || !slices.Equal(got[1], numbers(0, 10)) {
		t.Errorf("got %q", got)
	}
}

func seeksAgain(t *testing.T, in InputsPort) {
	in.Append(0, numbers(0, 20)...)
	in.Inputs.Seek(nil)
	in.take(t, 5, map[eventlog.TopicPartition]int64{})
	in.Inputs.Seek(map[eventlog.TopicPartition]int64{in.Topics[0]: 15})
	if got := in.take(t, 5, map[eventlog.TopicPartition]int64{in.Topics[0]: 15}); !slices.Equal(got[0], numbers(15, 20)) {
		t.Errorf("got %q", got)
	}
}

func comesLater(t *testing.T, in InputsPort) {
	in.Inputs.Seek(nil)
	next := map[eventlog.TopicPartition]int64{}
	for i := range 5 {
		in.Append(i%2, fmt.Sprint(i))
		if got := in.take(t, 1, next); len(got[i%2]) != 1 || got[i%2][0] != fmt.Sprint(i) {
			t.Errorf("got %q, want %d", got, i)
		}
	}
}

func waitsNot(t *testing.T, in InputsPort) {
	in.Inputs.Seek(nil)
	began := in.Now()
	if a, err := in.Inputs.Next(context.Background(), eventlog.Wait{}); err != nil || len(a.Inputs) > 0 || in.Now().Sub(began) > 5*time.Second {
		t.Errorf("%v came of nothing after %v, %v", a.Inputs, in.Now().Sub(began), err)
	}
}

// readsTo: silence may be concluded only from what was read.
func readsTo(t *testing.T, in InputsPort) {
	in.Inputs.Seek(nil)
	next, before := map[eventlog.TopicPartition]int64{}, int64(0)
	var appended []int64 // when each was, at the latest
	for i := range 20 {
		in.Append(0, fmt.Sprint(i))
		appended = append(appended, in.Now().UnixMilli())
		a, err := in.Inputs.Next(context.Background(), eventlog.Wait{For: time.Duration(i%3) * 10 * time.Millisecond})
		if err != nil {
			t.Errorf("next: %v", err)
			return
		}
		before = in.judge(t, a, next, appended, before)
	}
	for range 1000 {
		a, err := in.Inputs.Next(context.Background(), eventlog.Wait{For: 20 * time.Millisecond})
		if err != nil {
			t.Errorf("next: %v", err)
			return
		}
		if before = in.judge(t, a, next, appended, before); before > appended[19] {
			return
		}
	}
	t.Errorf("read to %d at last, and the last input was appended at %d", before, appended[19])
}

// judge checks that what was appended before ReadTo was handed out.
func (in InputsPort) judge(t *testing.T, a eventlog.Arrivals[string], next map[eventlog.TopicPartition]int64, appended []int64, before int64) int64 {
	t.Helper()
	for _, i := range a.Inputs {
		next[eventlog.TopicPartition{Topic: i.Topic, Partition: i.Partition}] = i.Offset + 1
	}
	if n := next[in.Topics[0]]; a.ReadTo > 0 && int(n) < len(appended) && appended[n] < a.ReadTo {
		t.Errorf("read to %d, and what was appended at %d was not handed out", a.ReadTo, appended[n])
	}
	return max(before, a.ReadTo)
}
