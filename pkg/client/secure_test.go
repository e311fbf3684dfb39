package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// A client that lacks a right is told which one, and does not wait for what it cannot
// read.
func TestMissingRightsAreTold(t *testing.T) {
	topics := events.Topics{Prefix: events.DefaultPrefix}
	right := func(operation kmsg.ACLOperation, topic string) embedded.Right {
		return embedded.Right{Operation: operation, Resource: kmsg.ACLResourceTypeTopic, Name: topic}
	}
	const mechanism = cluster.ScramSHA256
	b, err := embedded.Start(embedded.Config{Users: []embedded.User{
		{Mechanism: mechanism, Name: "admin", Password: "admin", Super: true},
		{Mechanism: mechanism, Name: "nobody", Password: "secret"},
		{Mechanism: mechanism, Name: "writer", Password: "secret", Rights: []embedded.Right{
			right(kmsg.ACLOperationWrite, topics.Requests()), right(kmsg.ACLOperationDescribe, topics.Events()),
		}},
		{Mechanism: mechanism, Name: "reader", Password: "secret", Rights: []embedded.Right{
			right(kmsg.ACLOperationRead, topics.Events()), right(kmsg.ACLOperationRead, events.Snapshots(topics.Events())),
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	open := func(user, password string) *cluster.Cluster {
		c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), SASL: cluster.SASL{Mechanism: mechanism, Username: user, Password: cluster.Secret(password)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	if _, err := open("admin", "admin").Ensure(t.Context(), events.Specs(topics.Catalogue())); err != nil {
		t.Fatal(err)
	}
	for user, c := range map[string]struct {
		do   func(ctx context.Context, c *Client) error
		want string
	}{
		"nobody": {func(ctx context.Context, c *Client) error { return c.Check(ctx) }, "the right Describe on topic spanway.tasks.events"},
		"writer": {func(ctx context.Context, c *Client) error { _, err := c.Do(ctx, Task{Kind: "noop"}); return err }, "the right Read on topic spanway.tasks.events"},
		"reader": {func(ctx context.Context, c *Client) error { _, err := c.Do(ctx, Task{Kind: "noop"}); return err }, "the right Write on topic spanway.tasks.requests"},
	} {
		t.Run(user, func(t *testing.T) {
			client, err := New(Config{Cluster: open(user, "secret")})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err = c.do(ctx, client)
			if !cluster.IsDenied(err) || !strings.Contains(err.Error(), c.want) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "no broker answers") {
				t.Errorf("the error is %v, but a broker did answer", err)
			}
			gone, stop := context.WithCancel(t.Context())
			stop()
			_ = client.Close(gone)
		})
	}
}
