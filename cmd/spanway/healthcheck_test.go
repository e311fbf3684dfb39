package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
		{address, http.StatusOK, exitDone, ""},
		{":" + port, http.StatusOK, exitDone, ""},
		{"0.0.0.0:" + port, http.StatusOK, exitDone, ""},
		{address, http.StatusServiceUnavailable, exitUnavailable, "not ready: engine"},
		{"127.0.0.1:1", http.StatusOK, exitUnavailable, "connection refused"},
		{"127.0.0.1:0", http.StatusOK, exitUsage, "host:port"},
		{"", http.StatusOK, exitUsage, "host:port"},
	} {
		ready = c.ready
		_, stderr, code := call(t.Context(), "", "healthcheck", "--http", c.http)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("healthcheck --http %q of a service that answers %d ends with %d, want %d, and says %q, want %q", c.http, c.ready, code, c.code, stderr, c.says)
		}
	}
}
