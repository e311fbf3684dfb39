package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
)

// asProgram makes the test binary the program itself.
const asProgram = "REPLICATED_LEDGER"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// Three processes, of which one is killed twice, come to the same accounts.
func TestTheNodesAgree(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	out := &bytes.Buffer{}
	d := demo{
		broker: b.Addr(), out: out, every: 300 * time.Millisecond,
		role: func(cmd *exec.Cmd, _ string) { cmd.Env = append(os.Environ(), asProgram+"=1") },
		killed: func(n int) {
			if n == 2 {
				stop()
			}
		},
	}
	if err := d.run(ctx); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "node 3 is killed\n") || !strings.Contains(out.String(), "all three nodes have the same accounts") {
		t.Fatal(out.String())
	}
}

// Nodes that differ are found out.
func TestNodesThatDiffer(t *testing.T) {
	c := comparison{reports: map[string]string{}, newest: map[int]string{}}
	for n, line := range []string{"7 aa 3", "7 aa 3", "7 bb 3"} {
		if err := c.take(said{n: n, line: line}); (err != nil) != (n == 2) {
			t.Fatalf("node %d: %v", n, err)
		}
	}
	if says := c.String(); says != "1 reports agree; node 1 at 7: aa, 3 transfers; node 2 at 7: aa, 3 transfers; node 3 is killed" {
		t.Error(says)
	}
}

// Money is neither made nor lost.
func TestTheLedger(t *testing.T) {
	l := newLedger()
	for i := range 1000 {
		l.apply(fmt.Appendf(nil, `{"from":%d,"to":%d,"amount":%d}`, i%12-1, i%7, i%1500-10))
	}
	sum := int64(0)
	for _, b := range l.balance {
		if b < 0 {
			t.Errorf("an account has %d", b)
		}
		sum += b
	}
	if sum != accounts*each || l.moved == 0 || l.apply([]byte("no order")) || !l.apply([]byte(`{"report":true}`)) {
		t.Fatalf("%+v", l)
	}
}
