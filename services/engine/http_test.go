package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/engine/call"
)

// site is a server that does what its paths say.
func site(t *testing.T, elsewhere string) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok/echo", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Etag", `"7"`)
		w.Header().Set("Set-Cookie", "secret=1")
		fmt.Fprintf(w, "%s %s a=%s task=%s token=%s trace=%s", r.Method, b, r.Header.Get("X-A"), r.Header.Get(headerTask), r.Header.Get(headerToken), r.Header.Get("Traceparent"))
	})
	mux.HandleFunc("/ok/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscan(r.PathValue("code"), &code)
		w.WriteHeader(code)
		fmt.Fprint(w, "because")
	})
	mux.HandleFunc("/ok/hops/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		if fmt.Sscan(r.PathValue("n"), &n); n == 0 {
			fmt.Fprint(w, "there")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/ok/hops/%d", n-1), http.StatusFound)
	})
	mux.HandleFunc("/ok/to", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.ReplaceAll(r.URL.Query().Get("url"), "ELSEWHERE", elsewhere), http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/ok/bytes/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.PathValue("n"), &n)
		w.Write([]byte(strings.Repeat(r.URL.Query().Get("of"), n)))
	})
	mux.HandleFunc("/ok/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/ok/break", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("short"))
	})
	mux.HandleFunc("/admin", func(http.ResponseWriter, *http.Request) { t.Error("the request came out of the list") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// do runs one http task against a site.
func do(t *testing.T, ctx context.Context, c *caller, spec call.Spec) (answer, *engine.Task, error) {
	t.Helper()
	b, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	task := &engine.Task{ID: "täsk/1", Attempt: 2, Token: 77, Payload: b}
	out, err := c.run(ctx, task)
	var a answer
	if err == nil {
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatalf("the result %q: %v", out, err)
		}
		if len(out) > events.MaxPayloadBytes {
			t.Errorf("a result of %d bytes", len(out))
		}
	}
	return a, task, err
}

func newTestCaller(t *testing.T, prefixes ...string) *caller {
	t.Helper()
	c, err := newCaller(prefixes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func TestHTTPPassesWhatItIsGiven(t *testing.T) {
	s := site(t, "")
	c := newTestCaller(t, s.URL+"/ok")
	trace1, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	span1, _ := trace.SpanIDFromHex("00f067aa0ba902b7")
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace1, SpanID: span1, TraceFlags: 1}))
	a, task, err := do(t, ctx, c, call.Spec{Method: "POST", URL: s.URL + "/ok/echo", Body: "hello", Headers: map[string]string{"x-a": "b"}})
	want := "POST hello a=b task=t%C3%A4sk%2F1 token=77 trace=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if err != nil || a.Status != 200 || a.Body == nil || *a.Body != want || task.ResultType != events.ContentJSON {
		t.Errorf("got %+v, %v; want the body %q", a, err, want)
	}
	if len(a.Headers) != 2 || a.Headers["content-type"] != "text/plain" || a.Headers["etag"] != `"7"` {
		t.Errorf("headers are %v", a.Headers)
	}
	a, _, err = do(t, ctx, c, call.Spec{Method: "PUT", URL: s.URL + "/ok/echo", BodyBase64: []byte{0xff}})
	if err != nil || a.Body != nil || !strings.HasPrefix(string(a.BodyBase64), "PUT \xff") {
		t.Errorf("bytes came back as %+v, %v", a, err)
	}
}

func TestHTTPFailures(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another server was asked") }))
	defer other.Close()
	s := site(t, other.URL)
	c := newTestCaller(t, s.URL+"/ok", "http://127.0.0.1:1")
	for name, tt := range map[string]struct {
		spec  call.Spec
		code  string // Empty: it succeeds.
		final bool
	}{
		"not found":              {call.Spec{URL: "/ok/status/404"}, "HTTP_404", true},
		"told to wait":           {call.Spec{URL: "/ok/status/429"}, "HTTP_429", false},
		"timed out there":        {call.Spec{URL: "/ok/status/408"}, "HTTP_408", false},
		"too early":              {call.Spec{URL: "/ok/status/425"}, "HTTP_425", false},
		"broken":                 {call.Spec{URL: "/ok/status/500"}, "HTTP_500", false},
		"broken for good":        {call.Spec{URL: "/ok/status/501", Final: []int{501}}, "HTTP_501", true},
		"expected":               {call.Spec{URL: "/ok/status/404", Expect: []int{404}}, "", false},
		"a success not expected": {call.Spec{URL: "/ok/status/200", Expect: []int{202}}, "HTTP_200", true},
		"five redirects":         {call.Spec{URL: "/ok/hops/5"}, "", false},
		"six redirects":          {call.Spec{URL: "/ok/hops/6"}, codeRedirects, true},
		"redirected out":         {call.Spec{URL: "/ok/to?url=ELSEWHERE/ok/x"}, codeNotAllowed, true},
		"redirected up":          {call.Spec{URL: "/ok/to?url=/admin"}, codeNotAllowed, true},
		"redirected up by dots":  {call.Spec{URL: "/ok/to?url=/ok/%252e%252e/admin"}, codeNotAllowed, true},
		"redirected to a file":   {call.Spec{URL: "/ok/to?url=file:///etc/passwd"}, codeNotAllowed, true},
		"out of the list":        {call.Spec{URL: "/admin"}, codeNotAllowed, true},
		"up out of the list":     {call.Spec{URL: "/ok/../admin"}, codeBadPayload, true},
		"no URL":                 {call.Spec{URL: "ftp://h/"}, codeBadPayload, true},
		"slow":                   {call.Spec{URL: "/ok/hang", Timeout: "20ms"}, codeTooSlow, false},
		"nobody there":           {call.Spec{URL: "http://127.0.0.1:1/"}, codeUnreachable, false},
		"an answer cut short":    {call.Spec{URL: "/ok/break"}, codeUnreachable, false},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(tt.spec.URL, "/") {
				tt.spec.URL = s.URL + tt.spec.URL
			}
			_, _, err := do(t, t.Context(), c, tt.spec)
			if code, final := engine.CodeOf(err); code != tt.code || final != tt.final {
				t.Errorf("got %v: code %q, final %v", err, code, final)
			}
			if strings.HasPrefix(tt.code, "HTTP_4") && !strings.Contains(err.Error(), ": because") {
				t.Errorf("%v does not say what the server said", err)
			}
		})
	}
}

// What the task says in headers is for the host that it names.
func TestHTTPHeadersStayWithTheirHost(t *testing.T) {
	other := site(t, "")
	s := site(t, other.URL)
	c := newTestCaller(t, s.URL+"/ok", other.URL+"/ok")
	spec := call.Spec{Method: "POST", URL: s.URL + "/ok/to?url=ELSEWHERE/ok/echo", Headers: map[string]string{"x-a": "secret"}, Body: "b"}
	if a, _, err := do(t, t.Context(), c, spec); err != nil || !strings.HasPrefix(*a.Body, "POST b a= ") {
		t.Errorf("another host got %+v, %v", a, err)
	}
	spec.URL = s.URL + "/ok/to?url=/ok/echo"
	if a, _, err := do(t, t.Context(), c, spec); err != nil || !strings.HasPrefix(*a.Body, "POST b a=secret ") {
		t.Errorf("the same host got %+v, %v", a, err)
	}
}

func TestHTTPResultsAreBounded(t *testing.T) {
	s := site(t, "")
	c := newTestCaller(t, s.URL)
	for name, tt := range map[string]struct {
		of        string
		n         int
		text, cut bool
	}{
		"text that fits":       {"x", 250 << 10, true, false},
		"text that does not":   {"x", 256 << 10, true, true},
		"a flood":              {"xyz", 4 << 20, true, true},
		"characters":           {"€", 100_000, true, true},
		"what JSON spells out": {"%01", 50_000, true, true},
		"quotes that fit":      {"%22", 130_000, true, false},
		"bytes that fit":       {"%ff%fe", 90_000, false, false},
		"bytes that do not":    {"%ff%fe", 100_000, false, true},
		"half a character":     {"%e2%82", 1, false, false},
		"nothing":              {"", 0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, _, err := do(t, t.Context(), c, call.Spec{URL: fmt.Sprintf("%s/ok/bytes/%d?of=%s", s.URL, tt.n, tt.of)})
			if err != nil || (a.Body != nil) != tt.text || a.Truncated != tt.cut {
				t.Fatalf("text %v, truncated %v, %v", a.Body != nil, a.Truncated, err)
			}
			if tt.text && (!utf8.ValidString(*a.Body) || strings.Contains(*a.Body, "\uFFFD")) {
				t.Error("a character is torn")
			}
		})
	}
}

func TestStoppedHTTPSaysWhy(t *testing.T) {
	s := site(t, "")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(engine.ErrCancelled)
	if _, _, err := do(t, ctx, newTestCaller(t, s.URL), call.Spec{URL: s.URL + "/ok/hang"}); !errors.Is(err, engine.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}
