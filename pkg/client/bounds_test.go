package client_test

import (
	"context"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// calls has every method of a client that takes a context.
var calls = map[string]func(ctx context.Context, c *client.Client) error{
	"Cancel": func(ctx context.Context, c *client.Client) error { return c.Cancel(ctx, "", "t", "") },
	"CancelMany": func(ctx context.Context, c *client.Client) error {
		_, err := c.CancelMany(ctx, "", nil, "")
		return err
	},
	"Check":    func(ctx context.Context, c *client.Client) error { return c.Check(ctx) },
	"CheckFor": func(ctx context.Context, c *client.Client) error { return c.CheckFor(ctx, "") },
	"Close": func(ctx context.Context, c *client.Client) error {
		c.SubmitAsync(context.Background(), client.Task{Kind: "k"}, func(events.TaskID, error) {})
		return c.Close(ctx)
	},
	"Configure": func(ctx context.Context, c *client.Client) error { return c.Configure(ctx, "", nil) },
	"Do": func(ctx context.Context, c *client.Client) error {
		_, err := c.Do(ctx, client.Task{Kind: "k"})
		return err
	},
	"DoRequest": func(ctx context.Context, c *client.Client) error {
		_, err := c.DoRequest(ctx, client.Task{Kind: "k"}.Request())
		return err
	},
	"Drain": func(ctx context.Context, c *client.Client) error { return c.Drain(ctx, "", "e", "") },
	"ImportPool": func(ctx context.Context, c *client.Client) error {
		_, err := c.ImportPool(ctx, &events.PoolImportRequested{ImportId: "i"})
		return err
	},
	"PromotePool": func(ctx context.Context, c *client.Client) error {
		_, err := c.PromotePool(ctx, &events.PoolPromoteRequested{ImportId: "i", Of: "X/t/0@1"})
		return err
	},
	"ReplacePool": func(ctx context.Context, c *client.Client) error { return c.ReplacePool(ctx, "", "") },
	"ListTopics":  func(ctx context.Context, c *client.Client) error { _, err := c.ListTopics(ctx); return err },
	"Offsets": func(ctx context.Context, c *client.Client) error {
		_, _, err := c.Offsets(ctx, c.Topics().Requests(), 0)
		return err
	},
	"Repeated": func(ctx context.Context, c *client.Client) error {
		_, err := c.Repeated(ctx, "", "t")
		return err
	},
	"Replay": func(ctx context.Context, c *client.Client) error {
		_, err := c.Replay(ctx, &client.Replay{To: events.Place{Topic: c.Topics().Requests()}})
		return err
	},
	"Resume": func(ctx context.Context, c *client.Client) error { return c.Resume(ctx, "", "e") },
	"Retry":  func(ctx context.Context, c *client.Client) error { _, err := c.Retry(ctx, "", "t"); return err },
	"Submit": func(ctx context.Context, c *client.Client) error {
		_, err := c.Submit(ctx, client.Task{Kind: "k"})
		return err
	},
	"SubmitAsync": func(ctx context.Context, c *client.Client) error {
		done := make(chan error, 1)
		c.SubmitAsync(ctx, client.Task{Kind: "k"}, func(_ events.TaskID, err error) { done <- err })
		return <-done
	},
	"SubmitRequest": func(ctx context.Context, c *client.Client) error {
		_, err := c.SubmitRequest(ctx, client.Task{Kind: "k"}.Request())
		return err
	},
	"SubmitRequestAsync": func(ctx context.Context, c *client.Client) error {
		done := make(chan error, 1)
		c.SubmitRequestAsync(ctx, client.Task{Kind: "k"}.Request(), func(_ events.TaskID, err error) { done <- err })
		return <-done
	},
	"SubmitRequestDecided": func(ctx context.Context, c *client.Client) error {
		done := make(chan error, 1)
		c.SubmitRequestDecided(ctx, client.Task{Kind: "k"}.Request(), func(_ events.TaskID, err error) { done <- err }, func(client.Decision, error) {})
		return <-done
	},
	"Wait": func(ctx context.Context, c *client.Client) error { _, err := c.Wait(ctx, "", "t"); return err },
	"Watch": func(ctx context.Context, c *client.Client) error {
		if err := c.Watch(ctx, client.WatchConfig{}, func(client.Event) error { return nil }); err != nil {
			return err
		}
		return ctx.Err() // Its end is no error.
	},
}

// Every method that takes a context ends with it: whatever the broker does, and however
// often the connection tries again. A new method is missed in the table.
func TestEveryCallEndsWithItsContext(t *testing.T) {
	typ, taken := reflect.TypeFor[*client.Client](), reflect.TypeFor[context.Context]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		if m.Type.NumIn() > 1 && m.Type.In(1) == taken && calls[m.Name] == nil {
			t.Errorf("the method %s takes a context and is not in the table", m.Name)
		}
	}
	ends := map[string]func() (context.Context, context.CancelFunc){
		"deadline": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 50*time.Millisecond)
		},
		"cancel": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		},
	}
	for broker, address := range map[string]string{"silent": silent(t), "gone": gone(t)} {
		for end, begin := range ends {
			for name, call := range calls {
				t.Run(broker+"/"+end+"/"+name, func(t *testing.T) {
					t.Parallel()
					c := stubborn(t, address)
					ctx, cancel := begin()
					defer cancel()
					ended := make(chan error, 1)
					go func() { ended <- call(ctx, c) }()
					select {
					case err := <-ended:
						if err == nil {
							t.Error("it says that it succeeded")
						}
					case <-time.After(60 * time.Second):
						t.Error("it does not end with its context")
					}
				})
			}
		}
	}
}

// stubborn is a client whose connection gives nothing up for an hour.
func stubborn(t *testing.T, address string) *client.Client {
	t.Helper()
	at, err := cluster.Open(cluster.Config{Brokers: []string{address}, RetryBudget: time.Hour, DialTimeout: time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{Cluster: at, DialTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Close(ctx)
		at.Close()
	})
	return c
}

// silent is a broker that accepts connections and never answers.
func silent(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
		}
	})
	t.Cleanup(func() {
		l.Close()
		accepting.Wait()
		for _, conn := range conns {
			conn.Close()
		}
	})
	return l.Addr().String()
}

// gone is an address at which nothing listens.
func gone(t *testing.T) (address string) {
	t.Helper()
	return porttest.Addr(t)
}
