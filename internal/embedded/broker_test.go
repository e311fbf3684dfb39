package embedded_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

func TestDataSurvivesARestart(t *testing.T) {
	config := embedded.Config{DataDir: t.TempDir()}
	write := func() {
		b, err := embedded.Start(config)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
		defer c.Close()
		if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Partition("t", 0).Append(t.Context(), []events.Record{{Value: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	write()
	write()
	b, err := embedded.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer c.Close()
	page, err := c.Partition("t", 0).Fetch(t.Context(), 0, time.Second)
	if err != nil || len(page.Records) != 2 {
		t.Fatal(page, err)
	}
}
