package link

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// The list has the problems of a link, each code once, behind its reason.
func TestTheListNamesProblems(t *testing.T) {
	now := time.Now().UnixMilli()
	l := replication.Link{Spec: replication.Spec{Name: "in", Unfenced: true}}
	view := func() linkView {
		return viewLink(l, &replication.Status{Shares: []*events.ReplicationLinkReported{{
			Link: "in", Replicator: "one", State: "delta", AtMs: now, Copies: 2, Lag: 467, LagMs: 9000, Stopped: 1, Reason: "overtaken",
			Problems: []*events.ReplicationProblem{{Topic: "a", Code: "copy_differs"}, {Topic: "b", Code: "copy_differs"}, {Code: "overtaken"}},
		}}}, now)
	}
	v := view()
	if got := v.reasons(); got != "overtaken, copy_differs, unfenced" {
		t.Errorf("its reasons are %q", got)
	}
	l.Paused, l.FailedOver, l.Unfenced = true, true, false
	v = view()
	if v.Lag != nil || v.LagMs != nil || v.lag() != "-" || !strings.Contains(v.waiting(), "failed over") {
		t.Errorf("failed over, its lag is %s, %s", v.lag(), v.waiting())
	}
	l.FailedOver = false
	if v = view(); v.lag() != "467 (9.0s)" {
		t.Errorf("paused, its lag is %s", v.lag())
	}
}

// A link that copies without a fence is marked by show, and no other.
func TestShowMarksALinkWithoutAFence(t *testing.T) {
	for _, unfenced := range []bool{true, false} {
		v := viewLink(replication.Link{Spec: replication.Spec{Name: "in", Unfenced: unfenced}}, &replication.Status{}, 1000)
		var out strings.Builder
		if err := printLink(cli.NewApp(cli.Streams{Out: &out, Err: io.Discard}), &v, ""); err != nil {
			t.Fatal(err)
		}
		if marked := strings.Contains(out.String(), "\n  fence       copies also where the site's cluster has none"); marked != unfenced {
			t.Errorf("unfenced: %v\n%s", unfenced, out.String())
		}
	}
}

// While it is not known what a copy that is claiming copies next, that is not 0.
func TestShowDoesNotInventWhatComesNext(t *testing.T) {
	l := replication.Link{Spec: replication.Spec{Name: "in"}}
	copies := viewCopies(&l, &replication.Status{Shares: attended(0), Copies: []*events.ReplicationCopyReported{
		{Link: "in", Topic: "a", TargetTopic: "a", State: "claiming", LagUnknown: true},
		{Link: "in", Topic: "b", TargetTopic: "b", State: "claiming", Next: 7, SourceEnd: 9},
		{Link: "in", Topic: "c", TargetTopic: "c", State: "delta", Generation: 1},
	}}, 0)
	var out strings.Builder
	if err := printCopies(cli.NewApp(cli.Streams{Out: &out, Err: io.Discard}), copies); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		if fields := strings.Fields(line); len(fields) > 5 && fields[0] != "TOPIC" {
			got = append(got, strings.Join(fields[3:6], " "))
		}
	}
	if want := "claiming - 0, claiming 7 9, delta 0 0"; strings.Join(got, ", ") != want {
		t.Errorf("it says %s; want %s\n%s", strings.Join(got, ", "), want, out.String())
	}
}
