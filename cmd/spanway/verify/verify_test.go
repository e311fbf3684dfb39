package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/handmade"
	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// x is a deployment.
var x = events.Topics{Prefix: "x."}

// A log that breaks a guarantee, in a batch that counts, is found out.
func TestVerifyFindsASecondResult(t *testing.T) {
	s := clitest.Start(t, 1)
	if _, stderr, code := program.Call(t.Context(), "", "task", "submit", "-k", "noop", "--id", "one", "--wait", "--brokers", s.Brokers()[0]); code != cli.ExitDone {
		t.Fatalf("task submit ends with %d: %s", code, stderr)
	}
	appendEvent(t, s.Brokers(), &events.TaskSucceeded{
		TaskId: "one", Pool: string(events.DefaultPool), EngineId: "local-1", Attempt: 1, Token: 1, AtMs: 1,
	})
	out, stderr, code := program.Call(t.Context(), "", "verify", "--brokers", s.Brokers()[0])
	if code != cli.ExitRefused || !strings.Contains(stderr, "GUARANTEE_BROKEN: 1 violation") || !strings.Contains(out, "G2") || !strings.Contains(out, " one ") {
		t.Errorf("verify ends with %d and prints\n%s%s\nwant a violation of G2 by task one", code, out, stderr)
	}
	out, _, code = program.Call(t.Context(), "", "verify", "-o", "json", "--brokers", s.Brokers()[0])
	var report struct{ Violations int }
	if err := json.Unmarshal([]byte(out), &report); code != cli.ExitRefused || err != nil || report.Violations != 1 {
		t.Errorf("verify -o json ends with %d and prints %s (%v)", code, out, err)
	}
}

// The log alone is enough: on a broker that has nothing else, no requests, no
// reports and no assignments, it is judged all the same.
func TestVerifyNeedsNothingElse(t *testing.T) {
	const many = 30
	s := clitest.Start(t, 2)
	for i := range many {
		id := fmt.Sprintf("task-%d", i)
		if _, stderr, code := program.Call(t.Context(), "", "task", "submit", "-k", "noop", "--id", id, "--where", "engine.free.slots >= 1",
			"--wait", "--brokers", s.Brokers()[0]); code != cli.ExitDone {
			t.Fatalf("task submit ends with %d: %s", code, stderr)
		}
	}
	alone, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, alone.Addrs()...)
	defer alone.Close()
	copyEvents(t, s.Brokers(), alone.Addrs())
	out, stderr, code := program.Call(t.Context(), "", "verify", "-o", "json", "--none-open", "--brokers", alone.Addr())
	var report tasks.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != cli.ExitDone {
		t.Fatalf("verify ends with %d and prints %s%s (%v)", code, out, stderr, err)
	}
	if report.Tasks != many || report.Assignments != many || report.Terminal["succeeded"] != many {
		t.Errorf("judged %+v", report)
	}
}

// copyEvents copies tasks.events, and nothing else, to brokers that have no topic.
func copyEvents(t *testing.T, from, to []string) {
	t.Helper()
	source, target := kafka.New(kafka.Config{Brokers: from}), kafka.New(kafka.Config{Brokers: to})
	defer source.Close()
	defer target.Close()
	topic := events.Topics{Prefix: events.DefaultPrefix}.Events()
	if _, err := target.Ensure(t.Context(), []events.TopicSpec{{Name: topic, Partitions: events.PoolPartitions}}); err != nil {
		t.Fatal(err)
	}
	for p := range events.PoolPartitions {
		_, end, err := source.Offsets(t.Context(), topic, p)
		for next := int64(0); err == nil && next < end; {
			var page events.Page
			if page, err = source.Partition(topic, p).Fetch(t.Context(), next, 0); err == nil && len(page.Records) > 0 {
				_, err = target.Partition(topic, p).Append(t.Context(), page.Records)
			}
			next = page.Next
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What was lost, and what could not be judged, is said in so many words.
func TestVerifySaysWhatIsMissing(t *testing.T) {
	var out bytes.Buffer
	a := cli.NewApp(cli.Streams{Out: &out})
	l := logReport{Rules: []string{"G1", "G6"}, tasks: true, found: tasks.Report{
		Report: chain.Report{
			Violations: 1, Losses: 1,
			Findings: []chain.Finding{{Rule: chain.RuleLoss, Partition: 3, Offset: 7, Text: "they are gone"}},
		},
		Partial: []tasks.Partial{
			{Partial: chain.Partial{Partition: 3, Begins: 5, From: 6}, Tasks: 2, Engines: 1, Unjudged: 4},
			{Partial: chain.Partial{Partition: 4, Begins: 9, From: -1}},
		},
	}}
	printLog(a, &l, false)
	for _, want := range []string{
		"partition 3 begins at offset 5 and is judged from 6 on; 2 tasks and 1 engines are older",
		"4 assignments could not be judged in full", "partition 4 begins at offset 9", "nothing of it can be judged",
		"LOSS  3@7", "they are gone", "G1 G6 hold for what the log still has",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said in\n%s", want, out.String())
		}
	}
	lost, broken := &violations{1, 1}, &violations{3, 1}
	if cli.ExitCode(lost) != cli.ExitRefused || !strings.Contains(lost.Error(), "RECORDS_LOST") {
		t.Errorf("a loss ends with %d: %v", cli.ExitCode(lost), lost)
	}
	if cli.ExitCode(broken) != cli.ExitRefused || !strings.Contains(broken.Error(), "GUARANTEE_BROKEN: 2 violations") {
		t.Errorf("what is broken besides ends with %d: %v", cli.ExitCode(broken), broken)
	}
}

// Every log that judges itself is judged, by what is known of it, and reported.
func TestVerifyJudgesEveryLog(t *testing.T) {
	sound, broken := handmade.NewOf(t, "x.counts.events", 0), handmade.NewOf(t, "x.counts.events", 1)
	sound.Batch(&events.LogPublished{Through: 1})
	broken.Batch(&events.LogPublished{Through: 1})
	foreign := broken.Made(&events.LogPublished{Through: 2})
	handmade.Rebase(foreign, 42)
	broken.Land(foreign...)
	records := map[string][]events.Record{"x.tasks.events/0": handmade.NewOf(t, "x.tasks.events", 0).Records,
		"x.counts.events/0": sound.Records, "x.counts.events/1": broken.Records[1:]}
	logs := &memory{records: records, usable: true}
	v, err := judge(t.Context(), []events.Log{
		{Topic: "x.tasks.events", Kind: events.OwnedLog, Partitions: 1},
		{Topic: "x.counts.events", Kind: events.OwnedLog, Partitions: 2},
		{Topic: "x.queue.jobs", Kind: events.SharedLog, Partitions: 1},
	}, x, logs, &history{}, tasks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := cli.NewApp(cli.Streams{Out: &out})
	if err := printVerification(a, v, false); err != nil {
		t.Fatal(err)
	}
	const want = `x.tasks.events
1 records in 1 partitions, 1 count; 1 claims: a 1
0 tasks, 0 open; 0 assignments judged
G1 G2 G3 G4 G5 G6 hold

x.counts.events
4 records in 2 partitions, 3 count; 1 claims: a 1
only the chain is judged: no rules are known here for what the events of this log mean
do not count: 1 other_history
partition 1 begins at offset 1 and is judged from 1 on
G6  1@2   a batch of the current epoch 1 was decided on history 000000000000002a, which the log does not have here: acknowledged records were lost, or its owner counted what does not count
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("it is said differently (-want +got):\n%s", diff)
	}
	if f := v.Findings; v.Violations != 1 || len(f) != 1 || f[0].Log != "x.counts.events" || v.Records != 5 || len(v.Logs) != 3 {
		t.Errorf("the sum is %+v", v)
	}
}

// An input that ends below where it was read to is named; one that is not there, or ends
// behind that, is not.
func TestVerifyNamesAnInputThatLostItsTail(t *testing.T) {
	t.Parallel()
	l := handmade.NewOf(t, "x.counts.events", 0) // It has read requests/3 up to 7.
	l.Batch(&events.LogPublished{Through: 1})
	requests := make([]events.Record, 9)
	for i := range requests {
		requests[i].Offset = int64(i)
	}
	for _, end := range []int{-1, 1, 6, 7, 9} {
		records := map[string][]events.Record{"x.counts.events/0": l.Records}
		if end > 0 {
			records["spanway.tasks.requests/3"] = requests[:end]
		}
		v, err := judge(t.Context(), []events.Log{{Topic: "x.counts.events", Kind: events.OwnedLog, Partitions: 1}},
			x, &memory{records: records}, &history{}, tasks.Options{})
		if err != nil {
			t.Fatal(err)
		}
		named := len(v.Findings) == 1 && v.Findings[0].Rule == chain.RuleLoss && v.Losses == 1 && v.Findings[0].Offset == l.Records[len(l.Records)-1].Offset &&
			strings.Contains(v.Findings[0].Text, fmt.Sprintf("spanway.tasks.requests/3 ends at %d, and was read up to 7", end))
		if lost := end > 0 && end < 7; lost != named || !lost && v.Violations > 0 {
			t.Errorf("of one that ends at %d, found: %+v", end, v.Findings)
		}
	}
}

// A beginning that is gone is a loss if no snapshot has its place, in every log that
// judges itself; and it comes first.
func TestVerifyFindsAMissingBeginning(t *testing.T) {
	t.Parallel()
	l := handmade.NewOf(t, "x.tasks.events", 0)
	l.Batch(&events.LogPublished{Through: 1})
	l.Batch(&events.TaskSucceeded{TaskId: "t", Pool: "p", Token: 1}, &events.TaskSucceeded{TaskId: "t", Pool: "p", Token: 1})
	other := handmade.NewOf(t, "x.counts.events", 0)
	other.Batch(&events.LogPublished{Through: 1})
	logs := &memory{records: map[string][]events.Record{"x.tasks.events/0": l.Records[1:], "x.counts.events/0": other.Records[1:]}}
	both := []events.Log{
		{Topic: "x.tasks.events", Kind: events.OwnedLog, Partitions: 1},
		{Topic: "x.counts.events", Kind: events.OwnedLog, Partitions: 1},
	}
	for _, usable := range []bool{false, true} {
		logs.usable = usable
		v, err := judge(t.Context(), both, x, logs, &history{}, tasks.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if usable {
			if v.Losses != 0 || v.Violations != 1 || v.Findings[0].Rule != "G2" {
				t.Errorf("with a snapshot: %+v", v.Findings)
			}
			continue
		}
		if v.Losses != 2 || v.Violations != 3 || v.Logs[0].Losses != 1 || v.Logs[1].Losses != 1 ||
			v.Findings[0].Rule != chain.RuleLoss || !strings.Contains(v.Findings[0].Text, "x.tasks.events/0 begins at 1") {
			t.Errorf("without one: %+v", v.Findings)
		}
	}
}

// Records that were deleted from outside, without a snapshot: verify names the missing
// beginning, as task show does. So it does if nothing is left of the partition.
func TestVerifyNamesWhatWasDeletedFromOutside(t *testing.T) {
	s := clitest.Start(t, 1)
	broker := s.Brokers()[0]
	if _, stderr, code := program.Call(t.Context(), "", "task", "submit", "-k", "noop", "--id", "one", "--wait", "--brokers", broker); code != cli.ExitDone {
		t.Fatalf("task submit ends with %d: %s", code, stderr)
	}
	k := kafka.New(kafka.Config{Brokers: s.Brokers()})
	defer k.Close()
	topic := events.Topics{Prefix: events.DefaultPrefix}.Events()
	busy, empty := events.PoolPartition(events.DefaultPool), (events.PoolPartition(events.DefaultPool)+1)%events.PoolPartitions
	for partition, keep := range map[int32]int64{busy: 1, empty: 0} {
		_, end, err := k.Offsets(t.Context(), topic, partition)
		if err == nil {
			err = k.DeleteRecords(t.Context(), topic, partition, end-keep)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, shown, asShow := program.Call(t.Context(), "", "task", "show", "one", "--pool", string(events.DefaultPool), "--brokers", broker)
	out, stderr, code := program.Call(t.Context(), "", "verify", "--brokers", broker)
	if code != cli.ExitRefused || asShow != cli.ExitRefused || !strings.Contains(shown, "RECORDS_LOST: ") || !strings.Contains(shown, fmt.Sprintf("%s/%d begins at ", topic, busy)) || !strings.Contains(stderr, "RECORDS_LOST: ") {
		t.Errorf("verify ends with %d and says %s; task show ends with %d and says %s", code, stderr, asShow, shown)
	}
	for _, partition := range []int32{busy, empty} {
		if want := fmt.Sprintf("%s/%d begins at ", topic, partition); !strings.Contains(out, want) {
			t.Errorf("verify does not say %q:\n%s", want, out)
		}
	}
}

// The help names every rule of the verdict, and no other.
func TestHelpNamesTheRules(t *testing.T) {
	t.Parallel()
	l := handmade.NewOf(t, "x.tasks.events", 0)
	logs := &memory{records: map[string][]events.Record{"x.tasks.events/0": l.Records}}
	v, err := judge(t.Context(), []events.Log{
		{Topic: "x.tasks.events", Kind: events.OwnedLog, Partitions: 1}, {Topic: "x.queue.jobs", Kind: events.SharedLog, Partitions: 1},
		{Topic: "x.ids.events", Kind: events.SharedLog, Partitions: 8}, {Topic: "x.network.changes", Kind: events.OwnedLog, Partitions: 1},
	}, x, logs, &history{}, tasks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, rule := range regexp.MustCompile(`(?m)^  (G[0-9]+)  `).FindAllStringSubmatch(Command(&cli.App{}).Long, -1) {
		named = append(named, rule[1])
	}
	rules := map[string]int{} // G5 and G6 are those of several logs.
	for _, l := range v.Logs {
		for _, rule := range l.Rules {
			rules[rule], _ = strconv.Atoi(rule[1:])
		}
	}
	byNumber := slices.SortedFunc(maps.Keys(rules), func(a, b string) int { return rules[a] - rules[b] })
	if diff := cmp.Diff(byNumber, named); diff != "" {
		t.Errorf("the verdict and the help differ (-verdict +help):\n%s", diff)
	}
}

// Ten findings of a log are printed and the others counted, unless all are asked for.
func TestVerifyPrintsTenFindings(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{10: "", 11: "and 1 more finding; see them with --all\n", 2000: "and 1990 more findings; see them with --all\n"} {
		l := handmade.NewOf(t, "x.tasks.events", 0)
		for range n {
			l.Batch(&events.TaskCancelled{TaskId: "t", Pool: "p"})
		}
		logs := &memory{records: map[string][]events.Record{"x.tasks.events/0": l.Records}}
		for _, all := range []bool{false, true} {
			opts := tasks.Options{}
			if all {
				opts.MaxFindings = math.MaxInt
			}
			v, err := judge(t.Context(), []events.Log{{Topic: "x.tasks.events", Kind: events.OwnedLog, Partitions: 1}}, x, logs, &history{}, opts)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := printVerification(cli.NewApp(cli.Streams{Out: &out}), v, all); err != nil {
				t.Fatal(err)
			}
			lines, more := 10, want
			if all {
				lines, more = n, ""
			}
			if got := strings.Count(out.String(), "G1  0@"); got != lines || strings.Contains(out.String(), "more finding") != (more != "") || !strings.HasSuffix(out.String(), more) {
				t.Errorf("of %d findings, all: %t: %d are printed, and at the end %q; want %d and %q", n, all, got, out.String()[max(0, out.Len()-80):], lines, more)
			}
		}
	}
}

// Where there is no such log nothing is proved.
func TestVerifyWithoutAnyLog(t *testing.T) {
	if v, err := judge(t.Context(), nil, x, nil, &history{}, tasks.Options{}); err == nil || !strings.Contains(err.Error(), "there is no x.tasks.events") {
		t.Errorf("%+v, %v", v, err)
	}
}

// appendEvent forges a batch of one event that counts: decided on the whole log,
// in the epoch of its owner. If the owner comes first it tries again.
func appendEvent(t *testing.T, brokers []string, m interface {
	proto.Message
	GetPool() string
}) {
	t.Helper()
	appendTo(t, brokers, events.Topics{Prefix: events.DefaultPrefix}.Events(), events.PoolPartition(events.Pool(m.GetPool())), m)
}

// appendTo appends an event to a log as its owner would.
func appendTo(t *testing.T, brokers []string, topic string, partition int32, m proto.Message) {
	t.Helper()
	k := kafka.New(kafka.Config{Brokers: brokers})
	defer k.Close()
	log := k.Partition(topic, partition)
	for range 20 {
		r := eventlog.NewReader(log, topic, partition)
		next := uint32(0)
		if err := r.Barrier(t.Context(), func(l events.Logged, _ *events.Record) { next = l.N + 1 }); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("%s/%d/%d/%d", topic, partition, r.Judge().Epoch, next)
		record, err := events.Encoder{Source: "/forger"}.Encode(id, m)
		if err != nil {
			t.Fatal(err)
		}
		record.Headers = append(record.Headers, events.Header{Key: events.HeaderInputs, Value: r.Inputs().Append(nil)})
		batch := []events.Record{record}
		h := eventlog.Header{At: r.Position(), Prev: r.Judge().History, Epoch: r.Judge().Epoch, Records: 1}
		h.Hash = eventlog.Hash(h.Prev, batch)
		batch[0].Headers = append(batch[0].Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
		base, err := log.Append(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		if base == h.At {
			return
		}
	}
	t.Fatal("the owner was always first")
}
