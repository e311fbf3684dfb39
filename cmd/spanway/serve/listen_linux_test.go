package serve

import (
	"bufio"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/embedded"
)

// A service listens nowhere but at --http, which is on loopback if nothing else is said.
func TestServicesListenOnLoopbackOnly(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	redis, err := embedded.StartRedis(0)
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	for _, service := range []string{"scheduler", "engine --id e1", "allocator --redis " + redis.Addr(), "queues", "replicator", "manager --role global", "manager --role local --site local"} {
		name, _, _ := strings.Cut(service, " --site")
		t.Run(name, func(t *testing.T) {
			before := listening(t)
			ctx, stop := context.WithCancel(t.Context())
			said, log := io.Pipe()
			code := make(chan int, 1)
			go func() {
				args := append(append([]string{"serve"}, strings.Fields(service)...), "--brokers", b.Addr())
				code <- program.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: log, Err: log})
				log.Close()
			}()
			defer func() {
				stop()
				if got := <-code; got != cli.ExitDone {
					t.Errorf("it ends with %d", got)
				}
			}()
			lines := bufio.NewScanner(said)
			address := ""
			for address == "" && lines.Scan() {
				_, address, _ = strings.Cut(lines.Text(), "address=")
			}
			go io.Copy(io.Discard, said)
			if host, _, err := net.SplitHostPort(address); err != nil || host != "127.0.0.1" {
				t.Fatalf("it serves metrics at %q, %v; want 127.0.0.1", address, err)
			}
			if !strings.HasPrefix(name, "engine") { // It is ready when a scheduler knows it.
				awaitReady(ctx, t, address)
			}
			for at := range listening(t) {
				if !before[at] && at != "tcp "+address {
					t.Errorf("it listens at %s, and serves metrics at %s", at, address)
				}
			}
			if !listening(t)["tcp "+address] {
				t.Error("the listener is not seen: this test proves nothing")
			}
		})
	}
}

func awaitReady(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
		<-again.C
	}
}

// listening are the sockets of this process that take what comes, as the kernel lists them:
// "tcp 127.0.0.1:80".
func listening(t *testing.T) map[string]bool {
	t.Helper()
	own := map[string]bool{}
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if to, err := os.Readlink(f); err == nil { // Else it is closed by now.
			own[to] = true
		}
	}
	all := map[string]bool{}
	for table, state := range map[string]string{"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"} {
		text, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil {
			continue // A kernel without IPv6.
		}
		for line := range strings.Lines(string(text)) {
			columns := strings.Fields(line)
			if len(columns) > 9 && columns[3] == state && own["socket:["+columns[9]+"]"] {
				all[strings.TrimSuffix(table, "6")+" "+address(t, columns[1])] = true
			}
		}
	}
	return all
}

// address reads 0100007F:1F90: the address is in words of the machine's order.
func address(t *testing.T, text string) string {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(host)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+4 <= len(ip); i += 4 {
		ip[i], ip[i+1], ip[i+2], ip[i+3] = ip[i+3], ip[i+2], ip[i+1], ip[i]
	}
	return net.JoinHostPort(net.IP(ip).String(), strconv.FormatUint(n, 10))
}
