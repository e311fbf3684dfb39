package id

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// interrupting ends a context when something is printed.
type interrupting struct {
	bytes.Buffer
	stop func()
}

func (i *interrupting) Write(b []byte) (int, error) {
	i.stop()
	return i.Buffer.Write(b)
}

// A watch that is interrupted says so, as that of a queue does.
func TestWatchInterrupted(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	if _, text, code := program.Call(t.Context(), "", "id", "create", "spi", "--to", "1000000", "--brokers", brokers); code != 0 {
		t.Fatal(text)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, said := &interrupting{stop: stop}, &bytes.Buffer{}
	ended := make(chan int, 1)
	go func() {
		ended <- program.Run(ctx, []string{"id", "watch", "spi", "--brokers", brokers}, cli.Streams{In: strings.NewReader(""), Out: out, Err: said})
	}()
	for {
		select {
		case code := <-ended:
			if code != cli.ExitInterrupted || !strings.HasPrefix(clitest.WithoutWaits(said.String()), "spanway: interrupted") || out.Len() == 0 {
				t.Errorf("exit code %d, %q, %q", code, out.String(), said.String())
			}
			return
		default:
			if _, text, code := program.Call(t.Context(), "", "id", "grant", "spi", "--brokers", brokers); code != 0 {
				t.Fatal(text)
			}
		}
	}
}
