package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/telemetry/messaging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// A part that begins and is in trouble is named once, with what is in the way.
func TestAPartIsNamedOnce(t *testing.T) {
	tel, err := Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Stop(context.Background())
	begins := make(chan struct{})
	for range 2 {
		tel.Ready("scheduler", begins)
		tel.Watch("scheduler", func() error { return errors.New("no broker answers") })
	}
	tel.Ready("engine", begins)
	if got := strings.Join(tel.waiting(), ", "); got != "engine, scheduler (no broker answers)" && got != "scheduler (no broker answers), engine" {
		t.Errorf("what is not ready is %q", got)
	}
}

func TestProbesAndMetrics(t *testing.T) {
	Version = "v1.2.3"
	defer func() { Version = "" }()
	tel, err := Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Stop(context.Background())
	counter, err := otel.Meter("test").Int64Counter("spanway.test.things")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(context.Background(), 3)
	ready := make(chan struct{})
	tel.Ready("scheduler", ready)
	addr, stop, err := tel.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	if code, _ := get(t, "http://"+addr+"/livez"); code != 200 {
		t.Errorf("/livez answers %d", code)
	}
	if code, body := get(t, "http://"+addr+"/readyz"); code != 503 || !strings.Contains(body, "scheduler") {
		t.Errorf("/readyz answers %d %q before the scheduler is ready", code, body)
	}
	close(ready)
	if code, _ := get(t, "http://"+addr+"/readyz"); code != 200 {
		t.Errorf("/readyz answers %d when all is ready", code)
	}
	if _, body := get(t, "http://"+addr+"/metrics"); !regexp.MustCompile(`(?m)^target_info\{.*service_version="v1.2.3"`).MatchString(body) {
		t.Errorf("/metrics lacks the version:\n%s", regexp.MustCompile(`(?m)^target_info.*$`).FindString(body))
	}
	if _, body := get(t, "http://"+addr+"/metrics"); !strings.Contains(body, "spanway_test_things_total{} 3") &&
		!strings.Contains(body, "spanway_test_things_total 3") {
		t.Errorf("/metrics lacks the counter:\n%s", body)
	}
}

// Whatever /readyz says is a metric, too, so that it can be alerted on.
func TestReadinessIsAMetric(t *testing.T) {
	tel, err := Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Stop(context.Background()) }()
	server := httptest.NewServer(tel.Handler())
	defer server.Close()
	says := func(code int, queues, scheduler string) {
		t.Helper()
		if got, body := get(t, server.URL+"/readyz"); got != code {
			t.Errorf("/readyz answers %d %q, want %d", got, body, code)
		}
		_, body := get(t, server.URL+"/metrics")
		for _, want := range []string{`spanway_ready{part="queues"} ` + queues, `spanway_ready{part="scheduler"} ` + scheduler} {
			if !strings.Contains(body, "\n"+want+"\n") {
				t.Errorf("/metrics lacks %s:\n%s", want, regexp.MustCompile(`(?m)^spanway_ready.*$`).FindAllString(body, -1))
			}
		}
	}
	begun, ready := make(chan struct{}), make(chan struct{})
	close(begun)
	var trouble error
	tel.Ready("queues", begun)
	tel.Ready("scheduler", ready)
	tel.Watch("scheduler", func() error { return trouble })
	says(http.StatusServiceUnavailable, "1", "0")
	close(ready)
	says(http.StatusOK, "1", "1")
	trouble = errors.New("no broker answers")
	says(http.StatusServiceUnavailable, "1", "0")
	trouble = nil
	says(http.StatusOK, "1", "1")
}

func TestLogsNameTheirTrace(t *testing.T) {
	var out bytes.Buffer
	log, err := Logger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	ctx := messaging.Extract(context.Background(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "")
	log.InfoContext(ctx, "partition owned")
	for _, want := range []string{`"trace_id":"0af7651916cd43dd8448eb211c80319c"`, `"span_id":"b7ad6b7169203331"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
	if _, err := Logger(&out, "json", "loud"); err == nil {
		t.Error("level loud was taken")
	}
}
