package run

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/porttest"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

var twoNames = []string{"ams", "fra"}

func startSites(t *testing.T, cfg Config) *System {
	t.Helper()
	cfg.Sites, cfg.Logger = twoNames, slog.New(slog.DiscardHandler)
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at is a client of a site.
func at(t *testing.T, s *System, name string) *client.Client {
	t.Helper()
	site, ok := s.Site(name)
	if !ok {
		t.Fatalf("there is no site %s", name)
	}
	c, err := client.New(client.Config{Brokers: []string{site.Kafka}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Each site runs its own tasks and does not see the other's; both are there
// after a restart, each with its own cluster ID.
func TestSitesAreApart(t *testing.T) {
	defer goleak.VerifyNone(t)
	cfg := Config{DataDir: t.TempDir(), Engines: 2}
	s := startSites(t, cfg)
	for _, name := range twoNames {
		c := at(t, s, name)
		r, err := c.Do(t.Context(), client.Task{ID: events.TaskID("only-" + name), Kind: "noop", Predicate: `engine.site == "` + name + `"`})
		if err != nil || r.State != client.Succeeded {
			t.Errorf("at %s: %+v, %v", name, r, err)
		}
		_ = c.Close(t.Context())
	}
	ids := clusterIDs(t, s)
	if ids["ams"] == ids["fra"] || !strings.HasPrefix(ids["fra"], "fra-") {
		t.Errorf("the cluster IDs are %v", ids)
	}
	s.Stop()

	s = startSites(t, cfg)
	defer s.Stop()
	for name, id := range clusterIDs(t, s) {
		if id != ids[name] {
			t.Errorf("the cluster of %s was %s and is %s", name, ids[name], id)
		}
	}
	for i, name := range twoNames {
		q, other := query.New(query.Config{Logs: s.sites[i].cluster}), twoNames[1-i]
		if status, _, err := q.Task(t.Context(), events.DefaultPool, events.TaskID("only-"+name)); err != nil || status.State != string(client.Succeeded) {
			t.Errorf("at %s: %+v, %v", name, status, err)
		}
		if status, _, err := q.Task(t.Context(), events.DefaultPool, events.TaskID("only-"+other)); err == nil {
			t.Errorf("%s knows a task of %s: %+v", name, other, status)
		}
	}
}

// clusterIDs asks each site's broker for the ID of its cluster.
func clusterIDs(t *testing.T, s *System) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, x := range s.Sites() {
		c, err := kgo.NewClient(kgo.SeedBrokers(x.Kafka))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		answer, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), c)
		if err != nil || answer.ClusterID == nil {
			t.Fatalf("ask %s: %+v, %v", x.Site, answer, err)
		}
		ids[x.Site] = *answer.ClusterID
	}
	return ids
}

func TestTheFirstSiteIsGlobal(t *testing.T) {
	s := startSites(t, Config{})
	defer s.Stop()
	sites := s.Sites()
	if len(sites) != 2 || sites[0].Site != "ams" || sites[1].Site != "fra" || s.Brokers()[0] != sites[0].Kafka {
		t.Errorf("sites are %+v, brokers %v", sites, s.Brokers())
	}
	if x, ok := s.Site("fra"); !ok || x != sites[1] {
		t.Errorf("fra is %+v, %v", x, ok)
	}
	if x, ok := s.Site("lon"); ok {
		t.Errorf("lon is %+v", x)
	}
}

// A port that is taken ends the start, names the site, and leaves nothing behind.
func TestAPortInUseNamesTheSite(t *testing.T) {
	defer goleak.VerifyNone(t)
	port := porttest.Row(t, 2) + 1
	taken, err := net.Listen("tcp", porttest.At(port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = Start(t.Context(), Config{Sites: twoNames, Port: port - 1, Engines: 1, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "of site fra") || !strings.Contains(err.Error(), "port "+strconv.Itoa(port)) {
		t.Errorf("Start returns %v", err)
	}
}

func TestStopTwiceAndAtOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := startSites(t, Config{DataDir: t.TempDir(), Engines: 2})
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			s.Stop()
			for _, x := range s.Sites() {
				if conn, err := net.Dial("tcp", x.Kafka); err == nil {
					conn.Close()
					t.Errorf("Stop has returned, and %s serves", x.Site)
				}
			}
		})
	}
	calls.Wait()
	s.Stop()
	select {
	case err := <-s.Failed():
		t.Errorf("a part failed: %v", err)
	default:
	}
}

// A part that ends by itself while others start ends the start, with its reason.
func TestAStartThatAPartEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	bound, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(bound)
	defer giveUp(nil)
	s := &System{log: slog.New(slog.DiscardHandler), failed: make(chan error, 1), giveUp: giveUp}
	broken, ready := errors.New("broken"), make(chan struct{})
	close(ready)
	ended := func(_ context.Context, name string, err error) { s.fail(name, err) }
	s.addService("first", func() (service, error) { return &fake{ready: ready, err: broken}, nil }, ended)
	s.addService("second", func() (service, error) { return &fake{ready: make(chan struct{})}, nil }, ended)
	if err := s.parts.start(ctx); !errors.Is(err, broken) || !strings.Contains(err.Error(), "the first ended: broken") {
		t.Errorf("start returns %v", err)
	}
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(s.Stop)
	}
	calls.Wait()
	if err := <-s.Failed(); !errors.Is(err, broken) {
		t.Errorf("Failed tells %v", err)
	}
}

// fake is a service that ends with its error, or else when it is told to.
type fake struct {
	ready chan struct{}
	err   error
}

func (f *fake) Ready() <-chan struct{} { return f.ready }

func (f *fake) Run(ctx context.Context) error {
	if f.err == nil {
		<-ctx.Done()
	}
	return f.err
}

func TestSitesThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Sites: []string{"ams", ""}}, `site ""`},
		{Config{Sites: []string{"Ams"}}, `site "Ams"`},
		{Config{Sites: []string{"ams", " fra"}}, `site " fra"`},
		{Config{Sites: []string{"../etc"}}, `site "../etc"`},
		{Config{Sites: []string{"-ams"}}, `site "-ams"`},
		{Config{Sites: []string{strings.Repeat("a", 64)}}, "1 to 63"},
		{Config{Sites: []string{"ams", "fra", "ams"}}, `site "ams" is given twice`},
		{Config{Sites: twoNames, Port: 65535}, "1 to 65534"},
		{Config{Port: -1}, "port -1"},
		{Config{Engines: -1}, "-1 engines"},
	} {
		if err := c.cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.cfg, err, c.want)
		}
	}
	if err := (Config{Sites: []string{"a", "eu-west-1", strings.Repeat("a", 63)}, Port: 65533}).Validate(); err != nil {
		t.Error(err)
	}
}

// Data that a start would not look at is no reason to begin with nothing.
func TestALayoutOfTheOtherKindIsRefused(t *testing.T) {
	one, many, quiet := t.TempDir(), t.TempDir(), slog.New(slog.DiscardHandler)
	for dir, sites := range map[string][]string{one: nil, many: twoNames} {
		s, err := Start(t.Context(), Config{DataDir: dir, Sites: sites, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		s.Stop()
	}
	if _, err := os.Stat(filepath.Join(many, "fra")); err != nil {
		t.Error(err)
	}
	if _, err := Start(t.Context(), Config{DataDir: one, Sites: twoNames, Logger: quiet}); err == nil || !strings.Contains(err.Error(), "without --sites") {
		t.Errorf("sites on the data of one: %v", err)
	}
	if _, err := Start(t.Context(), Config{DataDir: many, Logger: quiet}); err == nil || !strings.Contains(err.Error(), "--sites ams,fra") {
		t.Errorf("one on the data of sites: %v", err)
	}
}

// Sites have the same partitions, so their metrics are told apart; and a system
// is ready when its last part is.
func TestMetricsOfSites(t *testing.T) {
	tel, err := telemetry.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Stop(context.Background()) }()
	s := startSites(t, Config{Engines: 1, Telemetry: tel})
	defer s.Stop()
	for path, want := range map[string][]string{
		"/readyz":  {"ok"},
		"/metrics": {`spanway_scheduler_engines{messaging_destination_partition_id="3",site="ams"}`, `spanway_scheduler_engines{messaging_destination_partition_id="3",site="fra"}`},
	} {
		answer := httptest.NewRecorder()
		tel.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		for _, w := range want {
			if body := answer.Body.String(); !strings.Contains(body, w) {
				t.Errorf("%s has no %s:\n%s", path, w, body)
			}
		}
	}
}
