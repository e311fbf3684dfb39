package cli

import (
	"testing"

	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A link whose patterns do not choose a log makes no copy of it, whatever its prefix is.
func TestWhichLinksMayCopyALog(t *testing.T) {
	const topic = "spanway.tasks.events"
	for name, c := range map[string]struct {
		link replication.Spec
		want bool
	}{
		"it names the log":           {replication.Spec{Include: []string{`spanway\.tasks\.events`}}, true},
		"it names more":              {replication.Spec{Model: links.Topic, Include: []string{"other", `spanway\.tasks\..*`}}, true},
		"it names another":           {replication.Spec{Model: links.Topic, Include: []string{`spanway\.queue\.orders`}}, false},
		"it names the beginning":     {replication.Spec{Model: links.Topic, Include: []string{`spanway\.tasks`}}, false},
		"it leaves it out":           {replication.Spec{Model: links.Routed, Include: []string{".*"}, Exclude: []string{`.*\.events`}}, false},
		"it chooses by groups":       {replication.Spec{Model: links.Grouped, Groups: []string{"logs"}}, true},
		"it chooses by applications": {replication.Spec{Applications: []string{"shop"}}, true},
	} {
		if got := mayCopy(c.link, topic); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
