package watermillkafka_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// beyond has the group g committed to 2 of a partition whose first 5 of 8
// records are then deleted.
func beyond(t *testing.T) *cluster {
	c := newCluster(t, 1)
	c.publish(0, 8)
	s := c.subscriber()
	expect2 := c.subscribe(s)
	receive(t, expect2).Ack()
	receive(t, expect2).Ack()
	s.Close()
	if got := committed(t, c, "g"); got != 2 {
		t.Fatalf("%d is committed", got)
	}
	if err := c.client.DeleteRecords(t.Context(), c.topic, 0, 5); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOutOfRange(t *testing.T) {
	t.Run("stop", func(t *testing.T) {
		c := beyond(t)
		log := &errorLog{}
		s := c.subscriberLoggingTo(log)
		awaitClosed(t, c.subscribe(s))
		log.expect(t, "holds [5, 8)")
		s.Close()
		if got := committed(t, c, "g"); got != 2 {
			t.Errorf("%d is committed: a silent skip", got)
		}
	})
	t.Run("oldest", func(t *testing.T) {
		c, log := beyond(t), &errorLog{}
		messages := c.subscribe(c.subscriberLoggingTo(log, func(config *watermillkafka.SubscriberConfig) { config.OutOfRange = watermillkafka.GoOnAtOldest }))
		expect(t, messages, 5, 3)
		log.expect(t, "holds [5, 8)")
	})
	t.Run("newest", func(t *testing.T) {
		c, log := beyond(t), &errorLog{}
		s := c.subscriberLoggingTo(log, func(config *watermillkafka.SubscriberConfig) { config.OutOfRange = watermillkafka.GoOnAtNewest })
		messages := c.subscribe(s)
		awaitCommitted(t, c, "g", 8)
		c.publish(8, 2)
		expect(t, messages, 8, 2)
		log.expect(t, "holds [5, 8)")
	})
}

// picky refuses one payload.
type picky struct {
	watermillkafka.DefaultMarshaler
}

func (p picky) Unmarshal(topic string, r *events.Record) (*message.Message, error) {
	if string(r.Value) == "1" {
		return nil, errors.New("it is a one")
	}
	return p.DefaultMarshaler.Unmarshal(topic, r)
}

func undecodable(policy watermillkafka.Undecodable) func(*watermillkafka.SubscriberConfig) {
	return func(config *watermillkafka.SubscriberConfig) {
		config.Unmarshaler, config.Undecodable = picky{}, policy
	}
}

func TestUndecodable(t *testing.T) {
	t.Run("stop", func(t *testing.T) {
		c, log := newCluster(t, 1), &errorLog{}
		c.publish(0, 3)
		messages := c.subscribe(c.subscriberLoggingTo(log, undecodable(watermillkafka.Undecodable{})))
		receive(t, messages).Ack()
		awaitClosed(t, messages)
		log.expect(t, "at offset 1: it is a one")
		if got := committed(t, c, "g"); got != 1 {
			t.Errorf("%d is committed", got)
		}
	})
	t.Run("skip", func(t *testing.T) {
		c, log := newCluster(t, 1), &errorLog{}
		c.publish(0, 3)
		messages := c.subscribe(c.subscriberLoggingTo(log, undecodable(watermillkafka.SkipUndecodable())))
		receive(t, messages).Ack()
		expect(t, messages, 2, 1)
		log.expect(t, "at offset 1: it is a one")
		awaitCommitted(t, c, "g", 3)
	})
	t.Run("dead letter", func(t *testing.T) {
		c := newCluster(t, 1)
		c.create("dead", 1)
		c.publish(0, 3, byPayload)
		messages := c.subscribe(c.subscriber(undecodable(watermillkafka.DeadLetterUndecodable("dead"))))
		receive(t, messages).Ack()
		expect(t, messages, 2, 1)
		dead := c.log("dead", 0)
		if len(dead) != 1 || string(dead[0].Key) != "1" || string(dead[0].Value) != "1" {
			t.Fatalf("%+v", dead)
		}
		for key, want := range map[string]string{
			watermillkafka.UUIDHeaderKey: "id-1", watermillkafka.PoisonedReason: "it is a one", watermillkafka.PoisonedTopic: c.topic,
			watermillkafka.PoisonedPartition: "0", watermillkafka.PoisonedOffset: "1",
		} {
			if got, _ := dead[0].Header(key); string(got) != want {
				t.Errorf("header %s is %q, want %q", key, got, want)
			}
		}
	})
}

// A message goes through the wire unchanged, null and empty values too.
func TestMarshal(t *testing.T) {
	for i, m := range []*message.Message{
		message.NewMessage("u", []byte("x")), message.NewMessage("", nil), message.NewMessage("u", []byte{}),
	} {
		m.Metadata.Set("b", "2")
		m.Metadata.Set("a", "")
		record, err := watermillkafka.DefaultMarshaler{}.Marshal("t", m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := watermillkafka.DefaultMarshaler{}.Unmarshal("t", &record)
		if err != nil || !m.Equals(back) || (m.Payload == nil) != (back.Payload == nil) {
			t.Errorf("message %d: %+v, %v", i, back, err)
		}
		if fmt.Sprint(record.Headers) != fmt.Sprint([]events.Header{{Key: watermillkafka.UUIDHeaderKey, Value: []byte(m.UUID)}, {Key: "a", Value: []byte{}}, {Key: "b", Value: []byte("2")}}) {
			t.Errorf("headers %+v", record.Headers)
		}
	}
	foreign := events.Record{Value: []byte("x"), Headers: []events.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}}}
	m, err := watermillkafka.DefaultMarshaler{}.Unmarshal("t", &foreign)
	if err != nil || m.UUID != "" || m.Metadata.Get("a") != "" || string(m.Payload) != "x" {
		t.Errorf("%+v, %v", m, err)
	}
}
