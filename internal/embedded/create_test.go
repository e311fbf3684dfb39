package embedded_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
)

// A topic is made by writing to it where that is said, and nowhere else; reading makes none.
func TestTopicsAreMadeByWriting(t *testing.T) {
	for _, makes := range []bool{true, false} {
		b, err := embedded.Start(embedded.Config{CreateTopics: makes})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		w, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if err := w.ProduceSync(t.Context(), &kgo.Record{Topic: "written", Value: []byte("x")}).FirstErr(); (err == nil) != makes {
			t.Errorf("topics are made: %t; a record is written: %v", makes, err)
		}
		c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
		defer c.Close()
		for topic, want := range map[string]int32{"written": map[bool]int32{true: 1}[makes], "read": 0} {
			if n, err := c.Partitions(t.Context(), topic); err != nil || n != want {
				t.Errorf("topics are made: %t; %s has %d partitions (%v), want %d", makes, topic, n, err, want)
			}
		}
	}
}
