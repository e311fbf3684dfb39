package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/internal/telemetry/otlptest"
)

var zipkin = flag.String("zipkin", "", "URL of a Zipkin server that also gets the spans of the test of traces (make trace-picture)")

const (
	// ofCaller is the trace that a caller of the command line is in.
	ofCaller     = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
	firstAttempt = `
  spanway-scheduler consumer process spanway.tasks.requests (accepted) ~
  spanway-scheduler internal wait (accepted)
  spanway-scheduler internal place
    spanway-scheduler producer send spanway.tasks.assignments
      spanway-engine consumer process spanway.tasks.assignments`
)

// One trace shows the whole life of a task over three processes, that of the
// caller of the command line if there is one, with a failed attempt and its retry.
func TestOneTraceOverAllProcesses(t *testing.T) {
	t.Parallel()
	receiver := otlptest.Start()
	t.Cleanup(receiver.Close)
	s := newSystem(t, onKfake)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL, "OTEL_BSP_SCHEDULE_DELAY=50"}
	s.serve("scheduler", env).log.await(t, "owning", patience)
	s.serve("engine", env, "--id", "eu-1", "--allow", "sh").log.await(t, "ready", patience)

	mark := filepath.Join(t.TempDir(), "failed-before")
	request := fmt.Sprintf(`{"taskId":"build","kind":"exec","payloadJson":{"command":["sh","-c","test -e %s && exec sleep 0.2; sleep 0.1; : > %s; exit 7"]},"retry":{"initialBackoff":"150ms"}}`, mark, mark)
	s.submitTraced(env, request)
	s.submitTraced(append(env, "TRACEPARENT=00-"+ofCaller+"-"+callersSpan+"-01", "TRACESTATE=shop=7"), `{"taskId":"ofcaller","kind":"noop"}`)
	s.submitTraced(append(env, "TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-"+callersSpan+"-00"), `{"taskId":"unsampled","kind":"noop"}`)

	own := ""
	spans, err := receiver.Await(timeout(t), func(spans []otlptest.Span) bool {
		of := map[string]int{}
		for _, span := range spans {
			of[span.Trace()]++
			if span.Attribute("spanway.task.id") == "build" {
				own = span.Trace()
			}
		}
		return of[own] == 14 && of[ofCaller] == 8
	})
	if err != nil {
		t.Error(err)
	}
	want := `spanway-cli producer send spanway.tasks.requests` + firstAttempt + ` !EXIT_7 ~
        spanway-engine producer send spanway.engines.reports
          spanway-scheduler consumer process spanway.engines.reports (attempt_failed) !EXIT_7 ~
  spanway-scheduler internal wait (attempt_failed)
  spanway-scheduler internal place
    spanway-scheduler producer send spanway.tasks.assignments
      spanway-engine consumer process spanway.tasks.assignments ~
        spanway-engine producer send spanway.engines.reports
          spanway-scheduler consumer process spanway.engines.reports (succeeded) ~
`
	if diff := cmp.Diff(want, otlptest.Tree(spans, own)); diff != "" {
		t.Errorf("the trace of a task that failed once (-want +got):\n%s", diff)
	}
	want = `spanway-cli producer send spanway.tasks.requests` + firstAttempt + ` ~
        spanway-engine producer send spanway.engines.reports
          spanway-scheduler consumer process spanway.engines.reports (succeeded) ~
`
	if diff := cmp.Diff(want, otlptest.Tree(spans, ofCaller)); diff != "" {
		t.Errorf("the trace of a caller (-want +got):\n%s", diff)
	}
	judgeSpans(t, spans)
	if *zipkin != "" {
		if err := otlptest.PostToZipkin(t.Context(), *zipkin, spans); err != nil {
			t.Fatal(err)
		}
		t.Logf("trace of the task that failed once: %s", own)
	}
}

// judgeSpans looks at what holds for all spans.
func judgeSpans(t *testing.T, spans []otlptest.Span) {
	t.Helper()
	byID := map[string]otlptest.Span{}
	for _, s := range spans {
		byID[s.ID()] = s
	}
	batches := 0
	for _, s := range spans {
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s ends before it begins", s.Name)
		}
		if p, ok := byID[s.Parent()]; ok && s.StartTimeUnixNano < p.StartTimeUnixNano {
			t.Errorf("%s begins %v before its parent %s", s.Name, time.Duration(p.StartTimeUnixNano-s.StartTimeUnixNano), p.Name)
		}
		switch {
		case s.Attribute("spanway.task.id") == "unsampled":
			t.Errorf("a span of a trace that nobody records: %s", s.Name)
		case s.Name == "send spanway.tasks.events":
			batches++
			if s.Parent() != "" || len(s.Links) == 0 || len(s.Links) > 32 {
				t.Errorf("the span of a batch has parent %q and %d links", s.Parent(), len(s.Links))
			}
		case s.Trace() == ofCaller && s.Service == "spanway-cli" && (s.Parent() != callersSpan || s.TraceState != "shop=7"):
			t.Errorf("the submit is a child of %q in %q, not of its caller's span", s.Parent(), s.TraceState)
		}
		if strings.Contains(s.Name, " spanway.") && (s.Attribute("messaging.system") != "kafka" || s.Attribute("messaging.destination.partition.id") == "") {
			t.Errorf("%s lacks what the conventions ask for: %v", s.Name, s.Attributes)
		}
	}
	if batches == 0 {
		t.Error("no span of a batch")
	}
}

// submitTraced runs the command line in an environment.
func (s *system) submitTraced(env []string, request string) {
	s.t.Helper()
	cmd := commandLine(s.t.Context(), s.binary, "task", "submit", "--file", "-", "--wait", "--brokers", s.broker.Addr())
	cmd.Env, cmd.Stdin = append(cmd.Env, env...), strings.NewReader(request+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("submit %s: %v\n%s", request, err, out)
	}
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
