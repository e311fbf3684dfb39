package kafka_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// scripted is a broker that answers the first Produce requests with error
// codes, and remembers what it was sent.
type scripted struct {
	client *kafka.Client

	mu   sync.Mutex
	took [][]byte
}

// sent are the batches that came, in their order.
func (s *scripted) sent() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took
}

func newScripted(t *testing.T, codes ...int16) *scripted {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	budget := patience
	if slices.Contains(codes, forEver) {
		budget = 3 * time.Second
	}
	s := &scripted{client: kafka.New(kafka.Config{Brokers: cluster.ListenAddrs(), RetryBudget: budget})}
	t.Cleanup(s.client.Close)
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		s.mu.Lock()
		s.took = append(s.took, bytes.Clone(req.Topics[0].Partitions[0].Records))
		s.mu.Unlock()
		if len(codes) == 0 {
			return nil, nil, false
		}
		p := kmsg.NewProduceResponseTopicPartition()
		p.ErrorCode, p.BaseOffset = codes[0], 4711 // which means nothing beside an error
		if codes = codes[1:]; p.ErrorCode == forEver {
			codes = []int16{forEver}
			p.ErrorCode = 6
		}
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.Partitions = "t", []kmsg.ProduceResponseTopicPartition{p}
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		resp.Topics = []kmsg.ProduceResponseTopic{rt}
		return resp, nil, true
	})
	return s
}

const forEver int16 = 9999

func producerID(b []byte) uint64 { return binary.BigEndian.Uint64(b[43:]) }

func sequenceOf(b []byte) uint32 { return binary.BigEndian.Uint32(b[53:]) }

var one = []events.Record{{Value: []byte("x")}}

func TestAnUnknownOutcomeSendsTheSameBytes(t *testing.T) {
	codes := []int16{-1, 2, 3, 5, 6, 7, 13, 14, 15, 16, 19, 20, 51, 56, 89, 12345}
	for _, code := range codes {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := newScripted(t, code, code)
			base, err := s.client.Partition("t", 0).Append(t.Context(), one)
			if err != nil || base != 0 {
				t.Fatal(base, err)
			}
			if len(s.sent()) != 3 || !bytes.Equal(s.sent()[0], s.sent()[1]) || !bytes.Equal(s.sent()[0], s.sent()[2]) {
				t.Fatalf("sent %v", s.sent())
			}
		})
	}
}

func TestLostProducerStateTakesANewProducer(t *testing.T) {
	for _, code := range []int16{45, 46, 47, 59} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := newScripted(t, code)
			if _, err := s.client.Partition("t", 0).Append(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			if len(s.sent()) != 2 || producerID(s.sent()[0]) == producerID(s.sent()[1]) || sequenceOf(s.sent()[1]) != 0 {
				t.Fatalf("sent %v", s.sent())
			}
			if !bytes.Equal(s.sent()[0][57:], s.sent()[1][57:]) {
				t.Fatal("other records")
			}
		})
	}
}

// After any failure the sequence number may stand for bytes at the broker, so
// the next batch has a new producer.
func TestAFailureEndsTheProducer(t *testing.T) {
	for _, test := range []struct {
		code    int16
		refused bool
		says    string
	}{
		{10, true, "refuses the record"}, {18, true, "refuses"}, {32, true, "refuses"}, {87, true, "refuses"}, {76, true, "refuses"},
		{29, false, "Topic Authorization Failed"}, {17, false, "Invalid Topic"}, {forEver, false, "Not Leader"},
	} {
		t.Run(fmt.Sprint(test.code), func(t *testing.T) {
			s := newScripted(t, 0, test.code)
			p := s.client.Partition("t", 0)
			_, err := p.Append(t.Context(), one)
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Append(t.Context(), one)
			var refused interface{ Refused() bool }
			if err == nil || errors.As(err, &refused) != test.refused || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "t/0") {
				t.Fatal(err)
			}
			if test.code == forEver {
				return
			}
			if len(s.sent()) != 2 || sequenceOf(s.sent()[1]) != 1 {
				t.Fatalf("sent %v", s.sent())
			}
			if _, err := p.Append(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			if producerID(s.sent()[2]) == producerID(s.sent()[1]) || sequenceOf(s.sent()[2]) != 0 {
				t.Fatalf("sent %v", s.sent())
			}
		})
	}
}

func TestAnEndedContextEndsTheAppend(t *testing.T) {
	s := newScripted(t, forEver)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.client.Partition("t", 0).Append(ctx, one)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s.client.Close()
	if _, err := s.client.Partition("t", 0).Append(t.Context(), one); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Fatal(err)
	}
}

// One bad record does not take the good ones of its batch with it.
func TestAProducerSetsTheRefusedRecordApart(t *testing.T) {
	s := newScripted(t)
	p := s.client.Producer(kafka.ProducerOptions{BatchBytes: 8 << 20})
	defer p.Close(t.Context())
	var good, bad int
	for i := range 9 {
		r := events.Record{Value: make([]byte, 10)}
		if i == 5 {
			r.Value = incompressible(2 << 20)
		}
		p.Send(t.Context(), "t", 0, r, func(_ int64, err error) {
			var refused *kafka.Refused
			if errors.As(err, &refused) && i == 5 {
				bad++
			} else if err == nil {
				good++
			} else {
				t.Error(i, err)
			}
		})
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if good != 8 || bad != 1 {
		t.Fatal(good, bad)
	}
}

func TestAClosedProducer(t *testing.T) {
	s := newScripted(t, forEver)
	p := s.client.Producer(kafka.ProducerOptions{Buffer: 100})
	failed := make(chan error, 3)
	send := func() {
		p.Send(t.Context(), "t", 0, events.Record{Value: make([]byte, 50)}, func(_ int64, err error) { failed <- err })
	}
	send()
	go func() {
		send() // blocks: the buffer is full
		send()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-failed; err == nil {
			t.Fatal("a record of a closed producer was acknowledged")
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func incompressible(n int) []byte { return bytes.Repeat([]byte{1}, n) }

func TestAProducerForEver(t *testing.T) {
	s := newScripted(t, 29) // a permission that is missing for a moment
	p := s.client.Producer(kafka.ProducerOptions{Forever: true})
	for range 3 {
		p.Send(t.Context(), "t", 0, one[0], func(_ int64, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
