package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/engine/call"
)

// Codes of http tasks that fail, besides HTTP_n for a status code.
const (
	codeUnreachable = "UNREACHABLE"
	codeTooSlow     = "HTTP_TIMEOUT"
	codeRedirects   = "TOO_MANY_REDIRECTS"
)

const maxRedirects = 5

// Headers that tell the server which attempt it hears from. The token fences, if
// the server remembers the greatest.
const (
	headerTask    = "Spanway-Task"
	headerAttempt = "Spanway-Attempt"
	headerToken   = "Spanway-Token"
)

// caller sends HTTP requests.
type caller struct {
	allowed   call.Allowed
	transport *http.Transport
}

func newCaller(prefixes []string) (*caller, error) {
	allowed, err := call.NewAllowed(prefixes)
	if err != nil {
		return nil, fmt.Errorf("engine config: HTTPAllow: %w", err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = 64 << 10
	t.ResponseHeaderTimeout, t.IdleConnTimeout = 0, 30*time.Second
	return &caller{allowed: allowed, transport: t}, nil
}

// close drops the connections that are kept for another request.
func (c *caller) close() { c.transport.CloseIdleConnections() }

// run is the handler of kind http.
func (c *caller) run(ctx context.Context, t *engine.Task) ([]byte, error) {
	spec, err := call.Parse(t.Payload)
	if err != nil {
		return nil, engine.Final(engine.Fail(codeBadPayload, err))
	}
	if err := c.allowed.Check(spec.URL); err != nil {
		return nil, engine.Final(engine.Fail(codeNotAllowed, err))
	}
	patience, err := spec.Patience()
	if err != nil {
		return nil, engine.Final(engine.Fail(codeBadPayload, err))
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := newRequest(limited, spec, t)
	if err != nil {
		return nil, engine.Final(engine.Fail(codeBadPayload, err))
	}
	response, err := c.client(spec).Do(r)
	if err == nil {
		defer response.Body.Close()
		var a answer
		if a, err = readAnswer(response); err == nil {
			return judge(spec, a, t)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s %s was stopped: %w", r.Method, spec.URL, context.Cause(ctx))
	case limited.Err() != nil:
		return nil, engine.Fail(codeTooSlow, fmt.Errorf("%s %s: not done within %v", r.Method, spec.URL, patience))
	case isRefusal(err):
		return nil, engine.Final(err)
	}
	return nil, engine.Fail(codeUnreachable, err)
}

func newRequest(ctx context.Context, spec call.Spec, t *engine.Task) (*http.Request, error) {
	method := spec.Method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if content := spec.Content(); len(content) > 0 {
		body = bytes.NewReader(content)
	}
	r, err := http.NewRequestWithContext(ctx, method, spec.URL, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, value := range spec.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set(headerTask, url.PathEscape(t.ID))
	r.Header.Set(headerAttempt, strconv.Itoa(t.Attempt))
	r.Header.Set(headerToken, strconv.FormatUint(t.Token, 10))
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	return r, nil
}

// refusal is why a redirect is not followed. It is never tried again.
type refusal struct{ error }

func (e *refusal) Unwrap() error { return e.error }

func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// client follows redirects as far as the list goes. What the task says in headers
// is for the host that it names, so another host does not get it.
func (c *caller) client(spec call.Spec) *http.Client {
	return &http.Client{Transport: c.transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return &refusal{engine.Fail(codeRedirects, fmt.Errorf("more than %d redirects", maxRedirects))}
		}
		if err := c.allowed.Check(r.URL.String()); err != nil {
			return &refusal{engine.Fail(codeNotAllowed, fmt.Errorf("redirected: %w", err))}
		}
		if r.URL.Scheme != via[0].URL.Scheme || r.URL.Host != via[0].URL.Host {
			for name := range spec.Headers {
				if name = http.CanonicalHeaderKey(name); name != "Accept" && name != "Content-Type" {
					r.Header.Del(name)
				}
			}
		}
		return nil
	}}
}

// judge makes a result or an error of an answer.
func judge(spec call.Spec, a answer, t *engine.Task) ([]byte, error) {
	if spec.Expected(a.Status) {
		out, err := a.encode(events.MaxPayloadBytes)
		if err != nil {
			return nil, engine.Final(err)
		}
		t.ResultType = events.ContentJSON
		return out, nil
	}
	err := engine.Fail(fmt.Sprintf("HTTP_%d", a.Status), fmt.Errorf("the server answered %d %s%s", a.Status, http.StatusText(a.Status), a.beginning()))
	if spec.IsFinal(a.Status) {
		err = engine.Final(err)
	}
	return nil, err
}
