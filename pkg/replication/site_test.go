package replication_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = replication.Options{Logger: slog.New(slog.DiscardHandler), Create: true}

// within is a context of the test that ends after two minutes: it only bounds a hang.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// broker is an embedded one with a connection, for the test.
func broker(t testing.TB) *cluster.Cluster {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet.Logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t testing.TB, c *cluster.Cluster) *replication.Site {
	t.Helper()
	s, err := replication.Open(within(t), c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var orders = replication.Spec{Name: "orders", Source: "ams", Include: []string{"orders"}}

// Two processes see the same links, and of two that change one at the same revision one
// succeeds.
func TestTwoHostsSeeTheSame(t *testing.T) {
	ctx, c := within(t), broker(t)
	one, two := open(t, c), open(t, c)
	made, err := one.Apply(ctx, orders, replication.Absent)
	if err != nil || made.Revision == 0 {
		t.Fatalf("apply: %+v, %v", made, err)
	}
	changed := orders
	changed.BytesPerSecond = 1 << 20
	later, err := two.Apply(ctx, changed, made.Revision)
	if err != nil || later.Since != made.Since || later.Revision <= made.Revision {
		t.Fatalf("apply: %+v, %v; the link was %+v", later, err, made)
	}
	_, err = one.Apply(ctx, orders, made.Revision)
	var refused *replication.Refused
	if !errors.Is(err, replication.ErrStaleRevision) || !errors.As(err, &refused) || refused.Link.Revision != later.Revision {
		t.Fatalf("a change at an old revision: %v", err)
	}
	if err := one.ApplyGroup(ctx, replication.Group{Name: "shop", Topics: []string{"orders", "payments"}}); err != nil {
		t.Fatal(err)
	}
	a, err := one.State(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := two.State(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Links) != 1 || a.Links[0].Revision != b.Links[0].Revision || a.Links[0].BytesPerSecond != 1<<20 || len(b.Groups) != 1 {
		t.Errorf("one sees %+v, the other %+v", a, b)
	}
}

// Each refusal says what to do, and can be told by errors.Is.
func TestRefusals(t *testing.T) {
	ctx, c := within(t), broker(t)
	if _, err := replication.Open(ctx, c, replication.Options{Logger: quiet.Logger}); !errors.Is(err, replication.ErrNothingDeclared) {
		t.Fatalf("a site of nothing opens with %v", err)
	}
	s := open(t, c)
	if _, err := s.Apply(ctx, orders, replication.Any); err != nil {
		t.Fatal(err)
	}
	other, bad, long := orders, orders, orders
	other.Name, bad.Include, long.Name = "other", []string{"a("}, strings.Repeat("n", 200)
	apply := func(spec replication.Spec, expect int64) error {
		_, err := s.Apply(ctx, spec, expect)
		return err
	}
	for name, c := range map[string]struct {
		err, is error
		says    string
	}{
		"a long reason":          {s.Pause(ctx, "none", strings.Repeat("x", 400)), &replication.Refused{Code: events.CodeBadData}, "the reason"},
		"pause of none":          {s.Pause(ctx, "none", ""), replication.ErrUnknownLink, "spanway link list"},
		"resume of none":         {s.Resume(ctx, "none", replication.Resume{}), replication.ErrUnknownLink, "spanway link list"},
		"delete of none":         {s.Delete(ctx, "none"), replication.ErrUnknownLink, "spanway link list"},
		"no group":               {s.DeleteGroup(ctx, "none"), replication.ErrUnknownGroup, "spanway link group list"},
		"a link again":           {apply(orders, replication.Absent), replication.ErrExists, "give another name"},
		"the same twice":         {apply(other, replication.Any), replication.ErrConflict, `link "orders" copies the same`},
		"a bad pattern":          {apply(bad, replication.Any), replication.ErrBadPattern, "missing closing )"},
		"a long name":            {apply(long, replication.Any), replication.ErrBadData, "has 200 bytes"},
		"a bad group":            {s.ApplyGroup(ctx, replication.Group{}), replication.ErrBadData, "the name of the group is missing"},
		"a topic that cannot be": {s.ApplyGroup(ctx, replication.Group{Name: "shop", Topics: []string{"a b"}}), replication.ErrBadData, "no topic of Kafka"},
		"a bad resumption":       {s.Resume(ctx, "orders", replication.Resume{Partitions: []int32{1}}), replication.ErrBadData, "mend it"},
		"all copies anew":        {s.Resume(ctx, "orders", replication.Resume{Restart: true}), replication.ErrBadData, "every copy of the link would begin anew"},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v; want %v, and %q in it", name, c.err, c.is, c.says)
		}
	}
}

// A link that was failed over is not resumed, by whomever, until a fail-over turns it back.
func TestALinkThatWasFailedOver(t *testing.T) {
	ctx, s := within(t), open(t, broker(t))
	if _, err := s.Apply(ctx, orders, replication.Any); err != nil {
		t.Fatal(err)
	}
	if err := s.FailOver(ctx, "orders", replication.FailOver{Number: 1, Reason: "fra is written to now"}); err != nil {
		t.Fatal(err)
	}
	err := s.Resume(ctx, "orders", replication.Resume{})
	if !errors.Is(err, replication.ErrFailedOver) || !strings.Contains(err.Error(), "spanway link failover at the site ams") {
		t.Fatalf("it is resumed: %v", err)
	}
	for without, says := range map[bool]string{true: "there is no link back yet; when the source answers call spanway link failover orders here once more", false: "at the site ams"} {
		if err := s.FailOver(ctx, "orders", replication.FailOver{Number: 1, NoLinkBack: without}); err != nil {
			t.Fatal(err)
		}
		state, err := s.State(ctx, true)
		if l, _ := state.Link("orders"); err != nil || l.NoLinkBack != without {
			t.Errorf("it is %+v, %v", l, err)
		}
		if err := s.Resume(ctx, "orders", replication.Resume{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("without a link back: %v: it is refused by %v", without, err)
		}
	}
	for _, back := range []bool{false, true} {
		state, err := s.State(ctx, true)
		if l, _ := state.Link("orders"); err != nil || l.Paused == back || l.FailedOver == back {
			t.Fatalf("turned back: %v; it is %+v, %v", back, l, err)
		}
		if err := s.Resume(ctx, "orders", replication.Resume{FailOver: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// A watcher is told all, at once and on each change, also of those of others.
func TestWatch(t *testing.T) {
	ctx, c := within(t), broker(t)
	one, two := open(t, c), open(t, c)
	told := make(chan replication.State, 100)
	watching, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- one.Watch(watching, func(s replication.State) error { told <- s; return nil })
	}()
	await := func(what string, is func(replication.State) bool) {
		t.Helper()
		for {
			select {
			case s := <-told:
				if is(s) {
					return
				}
			case <-ctx.Done():
				t.Fatalf("it is not told that %s", what)
			}
		}
	}
	await("there is nothing", func(s replication.State) bool { return len(s.Links) == 0 })
	if _, err := two.Apply(ctx, orders, replication.Any); err != nil {
		t.Fatal(err)
	}
	await("a link came", func(s replication.State) bool { return len(s.Links) == 1 && !s.Links[0].Paused })
	if err := two.Pause(ctx, "orders", "upgrade"); err != nil {
		t.Fatal(err)
	}
	await("it is paused", func(s replication.State) bool { return s.Links[0].Paused && s.Links[0].Reason == "upgrade" })
	if err := two.Resume(ctx, "orders", replication.Resume{}); err != nil {
		t.Fatal(err)
	}
	await("it goes on", func(s replication.State) bool { return !s.Links[0].Paused })
	if err := two.Delete(ctx, "orders"); err != nil {
		t.Fatal(err)
	}
	await("it is gone", func(s replication.State) bool { return len(s.Links) == 0 })
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// What applications announce is followed from the first announcement on, also by a watcher
// that was there before the topic, and by other languages' records.
func TestApplications(t *testing.T) {
	ctx, c := within(t), broker(t)
	told := make(chan []replication.Application, 100)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- replication.WatchApplications(watching, c, "", func(all []replication.Application) error { told <- all; return nil })
	}()
	await := func(want ...string) {
		t.Helper()
		for {
			select {
			case all := <-told:
				var got []string
				for _, a := range all {
					got = append(got, a.Name+" "+strings.Join(a.Topics, ","))
				}
				if strings.Join(got, "|") == strings.Join(want, "|") {
					return
				}
			case err := <-ended:
				t.Fatalf("the watch has ended: %v", err)
			case <-ctx.Done():
				t.Fatalf("%q are not told", want)
			}
		}
	}
	await()
	announce := func(name string, topics ...string) {
		t.Helper()
		if err := replication.Announce(ctx, c, replication.Options{}, replication.Application{Name: name, Topics: topics}); err != nil {
			t.Fatal(err)
		}
	}
	announce("shop", "orders")
	await("shop orders")
	announce("shop", "orders", "payments")
	announce("bank", "accounts")
	await("bank accounts", "shop orders,payments")
	byHand(ctx, t, c, "spaced", `{"application":"spaced","topics":["a b"]}`)
	byHand(ctx, t, c, "stock", `{"application":"stock","topics":["items"]}`)
	byHand(ctx, t, c, "broken", `{"application":"broken"`)
	byHand(ctx, t, c, "broken", `{"application":"other","topics":["x"]}`)
	await("bank accounts", "shop orders,payments", "stock items")
	if err := replication.Withdraw(ctx, c, replication.Options{}, "shop"); err != nil {
		t.Fatal(err)
	}
	await("bank accounts", "stock items")
	now, err := replication.Applications(ctx, c, "")
	if err != nil || len(now) != 2 {
		t.Fatalf("%+v, %v", now, err)
	}
	err = replication.Announce(ctx, c, replication.Options{}, replication.Application{Name: "shop", Topics: []string{"a"}, Model: "group"})
	if !errors.Is(err, replication.ErrBadData) {
		t.Errorf("a model that is none: %v", err)
	}
	for _, name := range []string{"a b", ".", "..", "a/b", "ö"} {
		err := replication.Announce(ctx, c, replication.Options{}, replication.Application{Name: "shop", Topics: []string{"orders", name}})
		if !errors.Is(err, replication.ErrBadData) || !strings.Contains(err.Error(), "no topic of Kafka") {
			t.Errorf("topic %q: %v", name, err)
		}
	}
}

// A record that announces nothing is told of, with where it stands and why, until its key has
// one that can be read.
func TestBadAnnouncements(t *testing.T) {
	ctx, c := within(t), broker(t)
	if err := replication.Announce(ctx, c, replication.Options{}, replication.Application{Name: "shop", Topics: []string{"orders"}}); err != nil {
		t.Fatal(err)
	}
	byHand(ctx, t, c, "broken", `{"application":"broken"`)
	byHand(ctx, t, c, "broken", `{"application":"other","topics":["x"]}`)
	byHand(ctx, t, c, "stock", `{"application":"stock","topics":["a b"]}`)
	enough := errors.New("enough")
	calls := 0
	err := replication.WatchAnnounced(ctx, c, "", func(all replication.Announced) error {
		switch calls++; calls {
		case 1:
			if len(all.Applications) != 1 || len(all.Bad) != 2 || len(all.BadSince) != 3 {
				t.Errorf("%+v", all)
			}
			if b := all.Bad[0]; b.Key != "broken" || b.Offset != 2 || !strings.Contains(b.Why.Error(), `the application "other"`) {
				t.Errorf("%+v", b)
			}
			byHand(ctx, t, c, "broken", `{"application":"broken","topics":["x"]}`)
			return nil
		}
		if len(all.Applications) != 2 || len(all.Bad) != 1 || all.Bad[0].Key != "stock" || len(all.BadSince) != 0 {
			t.Errorf("%+v", all)
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

// byHand writes an announcement as a program in another language does.
func byHand(ctx context.Context, t *testing.T, c *cluster.Cluster, key, json string) {
	t.Helper()
	header := func(k, v string) events.Header { return events.Header{Key: k, Value: []byte(v)} }
	_, err := c.Partition("spanway.replication.applications", 0).Append(ctx, []events.Record{{
		Key: []byte(key), Value: []byte(json), Timestamp: time.Now().UnixMilli(), Headers: []events.Header{
			header("ce_specversion", "1.0"), header("ce_id", key), header("ce_source", "/stock"),
			header("ce_type", "spanway.replication.application_announced.v1"), header("content-type", "application/json"),
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// Reports of links and copies are read by their keys; a deleted one is gone.
func TestStatus(t *testing.T) {
	ctx, c := within(t), broker(t)
	if s, err := replication.ReadStatus(ctx, c, ""); err != nil || len(s.Shares) > 0 {
		t.Fatalf("without a replicator: %+v, %v", s, err)
	}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := c.Ensure(ctx, events.Specs([]events.Log{topics.ReplicationLog(topics.ReplicationStatus())})); err != nil {
		t.Fatal(err)
	}
	records := []events.Record{{Key: []byte("gone"), Timestamp: 1}}
	for _, n := range []int64{1, 2} {
		for key, m := range map[string]*events.ReplicationLinkReported{
			"orders@r1": {Link: "orders", Replicator: "r1", Lag: n}, "orders@r2": {Link: "orders", Replicator: "r2", Lag: n},
		} {
			r, err := events.Encoder{Source: "/test"}.Encode(key, m)
			if err != nil {
				t.Fatal(err)
			}
			r.Key, r.Timestamp = []byte(key), 1
			records = append(records, r)
		}
	}
	records = append(records, events.Record{Key: []byte("orders@r2"), Timestamp: 1})
	if _, err := c.Partition(topics.ReplicationStatus(), 0).Append(ctx, records); err != nil {
		t.Fatal(err)
	}
	s, err := replication.ReadStatus(ctx, c, "")
	if err != nil || len(s.Shares) != 1 || s.Shares[0].Replicator != "r1" || s.Shares[0].Lag != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
}
