package watermillkafka_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/porttest"
)

// restartAt names the address at which a test restarts its broker. Watermill's
// suite wants a command for that: it is this binary, which asks there.
const restartAt = "SPANWAY_TEST_RESTART_AT"

func TestMain(m *testing.M) {
	if at := os.Getenv(restartAt); at != "" {
		if err := askForRestart(at); err != nil {
			fmt.Fprintln(os.Stderr, "restart the broker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	const suites = "github.com/ThreeDotsLabs/watermill/"
	goleak.VerifyTestMain(m, // but for what Watermill's suite leaves behind itself
		goleak.IgnoreAnyFunction(suites+"pubsub/tests.TestReconnect.func2"),
		goleak.IgnoreAnyFunction(suites+"internal/subscriber.(*multiplier).Subscribe.func2"),
		goleak.IgnoreAnyFunction(suites+"internal/subscriber.(*multiplier).Subscribe.func3"))
}

// askForRestart returns when the broker is up again, which ends the connection.
func askForRestart(at string) error {
	conn, err := net.Dial("tcp", at)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.Copy(io.Discard, conn)
	return err
}

// onRestart returns a command that has this process call restart.
func onRestart(t *testing.T, restart func()) []string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			restart()
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return []string{"env", restartAt + "=" + l.Addr().String(), os.Args[0]}
}

// broker is one that can be killed.
type broker struct {
	addr        string
	kill, start func()
}

func (b broker) restart() {
	b.kill()
	b.start()
}

// embeddedBroker runs one in this process, on a port and data that stay.
func embeddedBroker(tb testing.TB) broker {
	tb.Helper()
	config := embedded.Config{DataDir: tb.TempDir(), Port: porttest.Kept(tb)}
	var b *embedded.Broker
	start := func() {
		var err error
		if b, err = embedded.Start(config); err != nil {
			tb.Fatal(err)
		}
	}
	start()
	tb.Cleanup(func() { b.Close() })
	return broker{addr: b.Addr(), kill: func() { b.Close() }, start: start}
}

func apacheBroker(tb testing.TB, version string) broker {
	tb.Helper()
	b := apache.Start(tb, apache.Config{Version: version})
	return broker{addr: b.Addr(), kill: b.Kill, start: b.Start}
}
