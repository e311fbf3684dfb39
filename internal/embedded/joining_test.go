package embedded_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/testca"
	"github.com/spanway/spanway/pkg/events"
)

// A member whose connection ends while it waits in its first JoinGroup is a member until
// its session ends, and no longer: what falls to it falls to others then.
func TestAMemberThatEndsWhileItJoins(t *testing.T) {
	ca := testca.New(t)
	server := ca.Server(ca.Issue("broker", time.Now().Add(time.Hour)), false)
	pem, err := os.ReadFile(ca.File)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	client := &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}
	for name, row := range map[string]struct{ server, client *tls.Config }{
		"plain text": {},
		"TLS":        {server, client},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startOn(t, embedded.Config{TLS: row.server})
			config := kafka.Config{Brokers: b.Addrs()}
			if row.client != nil {
				config.Security.TLS = func() (*tls.Config, error) { return row.client, nil }
			}
			c := kafka.New(config)
			t.Cleanup(c.Close)
			if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 2}}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			t.Cleanup(all.Wait)
			t.Cleanup(cancel)
			const groups = 8 // kfake has even odds to lose one such member.
			owned := make([]chan int, groups)
			for i := range groups {
				group := fmt.Sprint("g", i)
				owned[i] = make(chan int, 100)
				all.Go(func() {
					_ = c.Join(ctx, group, "t", func(ctx context.Context, g *kafka.Generation) {
						owned[i] <- len(g.Partitions)
						<-ctx.Done()
					})
				})
				awaitOwned(t, group, owned[i], 2)
				joinAndEnd(t, b.Addr(), row.client, group)
			}
			for i := range groups {
				awaitOwned(t, fmt.Sprint("g", i), owned[i], 1)
			}
			for i := range groups {
				awaitOwned(t, fmt.Sprint("g", i), owned[i], 2)
			}
		})
	}
}

// awaitOwned waits for a generation of a group in which its member has n partitions.
func awaitOwned(t *testing.T, group string, owned <-chan int, n int) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case got := <-owned:
			if got == n {
				return
			}
		case <-late:
			t.Fatalf("the member of %s does not get %d partitions", group, n)
		}
	}
}

// joinAndEnd asks to join a group, as a member that ends before it is answered.
func joinAndEnd(t *testing.T, addr string, encryption *tls.Config, group string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if encryption != nil {
		encrypted := tls.Client(conn, encryption)
		defer encrypted.Close()
		conn = encrypted
	}
	of := kmsg.NewConsumerMemberMetadata()
	of.Topics = []string{"t"}
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "range", of.AppendTo(nil)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType = 1, group, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 6000, 10000
	join.Protocols = append(join.Protocols, protocol)
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, join, 1)); err != nil {
		t.Fatal(err)
	}
}
