package manager

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/site"
)

// Of tasks.events only the ends of the site's own tasks are decided on, whether data is protobuf
// or JSON; of all else nothing is left, not even that it could not be read.
func TestEndsOfOwnTasks(t *testing.T) {
	t.Parallel()
	const own, other = "network/ams/7", "network/ams2/7"
	for name, tt := range map[string]struct {
		m    proto.Message
		want bool
	}{
		"succeeded":                   {&events.TaskSucceeded{TaskId: own}, true},
		"failed":                      {&events.TaskFailed{TaskId: own}, true},
		"dead":                        {&events.TaskDeadLettered{TaskId: own}, true},
		"expired":                     {&events.TaskExpired{TaskId: own}, true},
		"cancelled":                   {&events.TaskCancelled{TaskId: own}, true},
		"rejected":                    {&events.TaskRejected{TaskId: own, RequestType: string(events.TypeTaskRequested)}, true},
		"a cancel that was rejected":  {&events.TaskRejected{TaskId: own, RequestType: string(events.TypeTaskCancelRequested)}, false},
		"accepted":                    {&events.TaskAccepted{Task: &events.Task{Id: own}}, false},
		"an attempt that has failed":  {&events.TaskAttemptFailed{TaskId: own}, false},
		"of another site":             {&events.TaskSucceeded{TaskId: other}, false},
		"of another, which names one": {&events.TaskSucceeded{TaskId: "x", Result: []byte(own)}, false},
		"of none, with one behind it": {&events.TaskSucceeded{TaskId: "x/" + own}, false},
	} {
		for _, json := range []bool{false, true} {
			r, err := events.Encoder{Source: "/test", JSON: json}.Encode("1", tt.m)
			if err != nil {
				t.Fatal(err)
			}
			in := endsOf("ams").prepare("", 0, &r)
			if got := in.Message != nil; got != tt.want || in.Err != nil || in.ID != "" || got && !proto.Equal(in.Message, tt.m) {
				t.Errorf("%s, JSON %v: %+v", name, json, in)
			}
			r.Value = append([]byte{0xff}, r.Value...)
			if in := endsOf("ams").prepare("", 0, &r); in != (site.Input{}) {
				t.Errorf("%s, JSON %v, cannot be read: %+v", name, json, in)
			}
		}
	}
}
