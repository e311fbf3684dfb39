package verify

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/tasks"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// The log of grants is judged in all its partitions, and an answer that it does not bear
// out is found.
func TestVerifyJudgesSpaces(t *testing.T) {
	log, _ := x.Log(x.IDEvents())
	space := &events.IdsSpaceDeclared{Space: "spi", From: 1, To: 100, MaxCount: 100, Create: true}
	first := &events.IdsRangeGranted{Space: "spi", From: 1, To: 4, RequestId: "a"}
	second := &events.IdsRangeGranted{Space: "spi", From: 4, To: 8, RequestId: "b"}
	told := func(g *events.IdsRangeGranted, at int64) proto.Message {
		return &events.IdsAnswered{Space: "spi", RequestId: g.RequestId, Granted: g, Offset: at}
	}
	for name, c := range map[string]struct {
		last proto.Message
		want string
	}{
		"sound": {told(first, 1), ""},
		"broken": {told(second, 2), `a requester was told of [4, 8] of "spi" as granted to "b": ` +
			`the record at 2 is refused with RANGE_TAKEN: it overlaps what is held since 1`},
	} {
		t.Run(name, func(t *testing.T) {
			logs := &memory{records: map[string][]events.Record{
				log.Topic + "/6": calls(t, space, first, second, c.last),
				log.Topic + "/7": calls(t, &events.IdsSpaceDeclared{Space: "vlan", From: 1, To: 4094, MaxCount: 10, Create: true}),
			}}
			v, err := judge(t.Context(), []events.Log{log}, x, logs, &history{}, tasks.Options{})
			if err != nil {
				t.Fatal(err)
			}
			l := v.Logs[0]
			if s := l.Spaces; s == nil || s.Spaces != 2 || s.Grants != 1 || s.Answers != 1 || s.Refused["RANGE_TAKEN"] != 1 {
				t.Errorf("of the spaces %+v was found", s)
			}
			if v.OK() != (c.want == "") || !v.OK() && (v.Violations != 1 || l.found.Findings[0].Text != c.want || l.found.Findings[0].Rule != "G9") {
				t.Errorf("found %+v; want %q", l.found.Findings, c.want)
			}
			if strings.Join(l.Rules, " ") != "G9" {
				t.Errorf("judged by %v", l.Rules)
			}
		})
	}
}

// calls are a shared log of these.
func calls(t *testing.T, messages ...proto.Message) (log []events.Record) {
	t.Helper()
	for i, m := range messages {
		r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{byte(i)}, int64(i), m)
		if err != nil {
			t.Fatal(err)
		}
		r.Offset = int64(i)
		log = append(log, r)
	}
	return log
}
