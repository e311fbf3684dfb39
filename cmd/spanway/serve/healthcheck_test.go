package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

func TestHealthcheck(t *testing.T) {
	ready := http.StatusOK
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("it asks for %s", r.URL.Path)
		}
		http.Error(w, "not ready: engine", ready)
	}))
	defer service.Close()
	address := strings.TrimPrefix(service.URL, "http://")
	_, port, _ := strings.Cut(address, ":")
	for _, c := range []struct {
		http  string
		ready int
		code  int
		says  string
	}{
		{address, http.StatusOK, cli.ExitDone, ""},
		{":" + port, http.StatusOK, cli.ExitDone, ""},
		{"0.0.0.0:" + port, http.StatusOK, cli.ExitDone, ""},
		{address, http.StatusServiceUnavailable, cli.ExitUnavailable, "not ready: engine"},
		{"127.0.0.1:1", http.StatusOK, cli.ExitUnavailable, "connection refused"},
		{"127.0.0.1:0", http.StatusOK, cli.ExitUsage, "host:port"},
		{"", http.StatusOK, cli.ExitUsage, "host:port"},
	} {
		ready = c.ready
		_, stderr, code := program.Call(t.Context(), "", "healthcheck", "--http", c.http)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("healthcheck --http %q of a service that answers %d ends with %d, want %d, and says %q, want %q", c.http, c.ready, code, c.code, stderr, c.says)
		}
	}
}
