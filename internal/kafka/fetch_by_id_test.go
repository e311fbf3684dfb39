package kafka

import (
	"bytes"
	"errors"
	"math"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/spanway/spanway/pkg/events"
)

// twoTopics asks for three partitions.
func twoTopics() (r fetchRequest, t, u uuid) {
	t, u = uuid{1, 2, 3}, uuid{15: 9}
	r = newFetchRequest(1000)
	r.clientID, r.MaxWaitMillis, r.version = "me", 250, byIDVersion
	r.add(place{"t", 1}, t, 7, 3, 100)
	r.add(place{"t", 2}, t, 8, -1, 200)
	r.add(place{"u", 0}, u, math.MaxInt64, math.MaxInt32, 300)
	return r, t, u
}

// A request is what another maker's code reads as it was meant.
func TestAFetchByIDIsEncoded(t *testing.T) {
	r, one, two := twoTopics()
	b := r.encode()
	got := kmsg.NewPtrFetchRequest()
	got.Version = byIDVersion
	head := 4 + 2 + 2 + 4 + 2 + len("me") + 1
	if err := got.ReadFrom(b[head:]); err != nil || !bytes.Equal(b[4:head], []byte{0, 1, 0, 13, 0, 0, 0, 1, 0, 2, 'm', 'e', 0}) {
		t.Fatal(err, b[:head])
	}
	want := kmsg.NewPtrFetchRequest()
	want.Version, want.MaxWaitMillis, want.MinBytes, want.MaxBytes, want.IsolationLevel, want.SessionEpoch = byIDVersion, 250, 1, 1000, 1, -1
	want.Topics = []kmsg.FetchRequestTopic{{TopicID: one}, {TopicID: two}}
	for _, p := range []struct {
		topic                  int
		partition, epoch, most int32
		from                   int64
	}{{0, 1, 3, 100, 7}, {0, 2, -1, 200, 8}, {1, 0, math.MaxInt32, 300, math.MaxInt64}} {
		q := kmsg.NewFetchRequestTopicPartition()
		q.Partition, q.CurrentLeaderEpoch, q.FetchOffset, q.PartitionMaxBytes = p.partition, p.epoch, p.from, p.most
		want.Topics[p.topic].Partitions = append(want.Topics[p.topic].Partitions, q)
	}
	if again := want.AppendTo(nil); !bytes.Equal(again, b[head:]) {
		t.Errorf("%x\nwant\n%x", b[head:], again)
	}
}

// fetchAnswer is made by the code of another maker.
func fetchAnswer(topics ...kmsg.FetchResponseTopic) told {
	r := kmsg.NewPtrFetchResponse()
	r.Version, r.Topics = byIDVersion, topics
	return append(told{0}, r.AppendTo(nil)...)
}

func fetchedTopic(id uuid, partitions ...kmsg.FetchResponseTopicPartition) kmsg.FetchResponseTopic {
	t := kmsg.NewFetchResponseTopic()
	t.TopicID, t.Partitions = id, partitions
	return t
}

func TestAnswersToAFetchByID(t *testing.T) {
	r, one, two := twoTopics()
	full, failed, empty := kmsg.NewFetchResponseTopicPartition(), kmsg.NewFetchResponseTopicPartition(), kmsg.NewFetchResponseTopicPartition()
	full.Partition, full.HighWatermark, full.LastStableOffset, full.LogStartOffset = 1, 30, 20, 10
	full.RecordBatches = []byte("batches")
	full.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 4, FirstOffset: 11}, {ProducerID: 5, FirstOffset: 12}}
	full.DivergingEpoch.Epoch = 4 // a tag
	failed.Partition, failed.ErrorCode = 2, inconsistentTopicID
	empty.RecordBatches, empty.LastStableOffset = nil, -1
	whole := fetchAnswer(fetchedTopic(one, full, failed), fetchedTopic(two, empty))
	got, err := r.read(whole)
	if err != nil || len(got.Topics) != 2 || got.Topics[0].Topic != "t" || got.Topics[1].Topic != "u" {
		t.Fatalf("%+v, %v", got, err)
	}
	p := got.Topics[0].Partitions
	if len(p) != 2 || p[0].Partition != 1 || p[0].end() != 20 || p[0].LogStartOffset != 10 || string(p[0].Batches.data) != "batches" ||
		len(p[0].Aborted) != 2 || p[0].Aborted[1] != (abortedTxn{5, 12}) || !p[0].proven || p[1].ErrorCode != inconsistentTopicID {
		t.Errorf("%+v", p)
	}
	if q := got.Topics[1].Partitions; len(q) != 1 || len(q[0].Batches.data) != 0 || q[0].LastStableOffset != -1 {
		t.Errorf("%+v", q)
	}
	for n := range whole {
		if cut, err := r.read(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: %+v", n, len(whole), cut)
		}
	}
	if got, err := r.read(fetchAnswer(fetchedTopic(uuid{7}, empty))); err == nil {
		t.Errorf("a topic that was not asked for: %+v", got)
	}
}

func FuzzAnswersToAFetchByID(f *testing.F) {
	r, one, _ := twoTopics()
	f.Add([]byte(fetchAnswer(fetchedTopic(one, kmsg.NewFetchResponseTopicPartition()))))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = r.read(b) })
}

func TestWhatALeaderSaysOfAnID(t *testing.T) {
	for code, gone := range map[int16]bool{unknownTopicID: true, inconsistentTopicID: true, 3: false, 6: false, 74: false} {
		a := fetchedPartition{Partition: 5, ErrorCode: code}
		err := a.failure("t", uuid{1})
		var told *TopicGone
		if errors.As(err, &told) != gone || gone && (*told != TopicGone{"t", 5, "AQAAAAAAAAAAAAAAAAAAAA"} || classify(err) != denied) {
			t.Errorf("%d: %v", code, err)
		}
		if !gone && !errors.Is(err, kafkago.Error(code)) {
			t.Errorf("%d: %v", code, err)
		}
	}
	if err := (&fetchedPartition{}).failure("t", uuid{}); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"", "no ID", "AQAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAAAAAA"} {
		if u := parseUUID(id); u != (uuid{}) {
			t.Errorf("%q: %v", id, u)
		}
	}
}

// Brokers are asked in a version that they have: by name before Kafka 3.1, where nothing is
// proven. All that is read is the same.
func TestFetchesOfOldAndNewBrokers(t *testing.T) {
	for _, test := range []struct {
		name     string
		versions *kversion.Versions
		want     int16
		byID     bool
	}{
		{"1.0", kversion.V1_0_0(), 6, false},
		{"2.6", kversion.V2_6_0(), 11, false},
		{"3.0", kversion.V3_0_0(), 11, false}, // It has 12, too.
		{"3.1", kversion.V3_1_0(), 13, true},
		{"newest", kversion.Stable(), 13, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"), kfake.MaxVersions(test.versions))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			asked := make(chan int16, 10)
			cluster.ControlKey(int16(protocol.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				asked <- r.GetVersion()
				return nil, nil, false
			})
			c := New(Config{Brokers: cluster.ListenAddrs()})
			defer c.Close()
			if _, err := c.Partition("t", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}}); err != nil {
				t.Fatal(err)
			}
			id := cluster.TopicInfo("t").TopicID
			for _, byID := range []bool{false, true} {
				log, want := c.Partition("t", 0), min(test.want, byNameVersion)
				if byID {
					log, want = log.OfTopic(uuid(id).String()), test.want
				}
				page, proven, err := log.FetchProven(t.Context(), 0, 0)
				if err != nil || len(page.Records) != 1 || proven != (byID && test.byID) {
					t.Errorf("by ID: %v: %+v, proven: %v, %v", byID, page, proven, err)
				}
				if v := <-asked; v != want {
					t.Errorf("by ID: %v: version %d, want %d", byID, v, want)
				}
			}
		})
	}
}
