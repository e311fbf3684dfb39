package delivery

import (
	"testing"

	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/network"
)

func TestFeed(t *testing.T) {
	id := func(term, number uint64) queue.Sequence { return queue.Sequence{Term: term, Number: number} }
	for name, c := range map[string]struct {
		of   network.Standing
		held Held
		seen Seen
		want string
	}{
		"nothing yet":                         {network.Standing{Term: 1, First: 1}, Held{Next: 1}, Seen{}, "wait until 0"},
		"the first entries":                   {network.Standing{Term: 1, Last: 3, First: 1}, Held{Next: 1}, Seen{}, "enqueue 1 to 3"},
		"it goes on from the tail":            {network.Standing{Term: 1, Last: 3, First: 1}, Held{Last: id(1, 2), Next: 3, Head: id(1, 1)}, Seen{}, "enqueue 3 to 3"},
		"so many at once":                     {network.Standing{Term: 1, Last: 1000, First: 1}, Held{Next: 1}, Seen{}, "enqueue 1 to 256"},
		"what is applied is taken out":        {network.Standing{Term: 1, Last: 3, First: 1}, Held{Last: id(1, 3), Next: 4, Head: id(1, 1)}, Seen{Term: 1, Sequence: 2}, "trim through 2"},
		"of another term it is not":           {network.Standing{Term: 2, Last: 3, First: 1}, Held{Last: id(2, 3), Next: 4, Head: id(2, 1)}, Seen{Term: 1, Sequence: 2}, "wait until 0"},
		"nothing is left of it":               {network.Standing{Term: 1, Last: 3, First: 3}, Held{Last: id(1, 3), Next: 4, Head: id(1, 3)}, Seen{Term: 1, Sequence: 2}, "wait until 0"},
		"numbers jump":                        {network.Standing{Term: 1, Last: 12, First: 11}, Held{Last: id(1, 3), Next: 4, Head: id(1, 1)}, Seen{}, "trim through 10"},
		"numbers jump, and nothing is there":  {network.Standing{Term: 1, Last: 12, First: 13}, Held{Last: id(1, 3), Next: 4, Head: id(1, 1)}, Seen{}, "trim through 12"},
		"entries of the term before":          {network.Standing{Term: 2, Last: 9, First: 10}, Held{Last: id(1, 12), Next: 13, Head: id(1, 8)}, Seen{}, "trim through 12"},
		"entries of two terms":                {network.Standing{Term: 2, Last: 9, First: 9}, Held{Last: id(2, 9), Next: 10, Head: id(1, 8)}, Seen{}, "trim through 8"},
		"numbers that a lost log used":        {network.Standing{Term: 2, Last: 11, First: 10}, Held{Last: id(1, 12), Next: 13}, Seen{}, "wait until 0"},
		"a newer term":                        {network.Standing{Term: 1, Last: 3, First: 1}, Held{Last: id(2, 3), Next: 4}, Seen{}, "end"},
		"the site is ahead: a term will come": {network.Standing{Term: 1, Last: 3, First: 1}, Held{Last: id(1, 3), Next: 4, Head: id(1, 1)}, Seen{Term: 1, Sequence: 4}, "wait until 0"},
		"no number is left":                   {network.Standing{Term: 1, Last: 3, First: 1}, Held{Last: id(1, 1)}, Seen{}, "wait until 0"},
	} {
		if got := Feed(c.of, c.held, c.seen).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// turn is what is at a time, and the step that is wanted then.
type turn struct {
	of     network.Standing
	passed uint64
	seen   Seen
	now    int64
	want   string
}

// play has a channel take steps.
func play(t *testing.T, c *Channel, moments []turn) {
	t.Helper()
	for i, m := range moments {
		s := c.Next(m.of, m.passed, m.seen, m.now)
		if s.String() != m.want {
			t.Fatalf("%d: %s, want %s", i, s, m.want)
		}
		if s.Kind == Begin {
			c.Began("id"+string(rune('a'+i)), m.of.Sync, 5, m.now)
		}
		c.Sent(s, m.now)
	}
}

func channel() *Channel { return &Channel{Window: 4, Batch: 2, Patience: 100} }

// Entries go as the window allows, only those that the queue has, and again if nothing is heard.
func TestAChannelSendsEntries(t *testing.T) {
	of := network.Standing{Term: 1, Last: 9, First: 1, Sync: 1}
	at := func(n uint64) Seen { return Seen{Term: 1, Sync: 1, Sequence: n} }
	play(t, channel(), []turn{
		{of, 0, at(0), 1, "wait until 0"},
		{of, 9, at(0), 1, "send 1 to 2"},
		{of, 3, at(0), 2, "send 3 to 3"},
		{of, 9, at(0), 3, "send 4 to 4"},
		{of, 9, at(0), 4, "wait until 101"},
		{of, 9, at(2), 50, "send 5 to 6"},
		{of, 9, at(2), 149, "wait until 150"},
		{of, 9, at(2), 150, "send 3 to 4"}, // In vain once: the next time takes longer.
		{of, 9, at(2), 151, "send 5 to 6"},
		{of, 9, at(2), 349, "wait until 350"},
		{of, 9, at(6), 349, "send 7 to 8"},
		{of, 9, at(6), 350, "send 9 to 9"},
		{of, 9, at(9), 351, "wait until 0"},
	})
}

// What was sent is in flight until the site has it.
func TestAChannelTellsWhatIsInFlight(t *testing.T) {
	of := network.Standing{Term: 1, Last: 9, First: 1, Sync: 1}
	at := func(n uint64) Seen { return Seen{Term: 1, Sync: 1, Sequence: n} }
	c := channel()
	in := func(want uint64, moments ...turn) {
		t.Helper()
		play(t, c, moments)
		if got := c.InFlight(); got != want {
			t.Errorf("%d are in flight, want %d", got, want)
		}
	}
	in(0)
	in(4, turn{of, 9, at(0), 1, "send 1 to 2"}, turn{of, 9, at(0), 2, "send 3 to 4"})
	in(1, turn{of, 4, at(3), 3, "wait until 103"})
	in(0, turn{of, 4, at(4), 4, "wait until 0"})
	syncing := network.Standing{Term: 1, Last: 9, First: 10, Sync: 2, Syncing: true}
	in(4, turn{syncing, 9, at(4), 5, "begin"}, turn{syncing, 9, at(4), 5, "parts 0 to 1"}, turn{syncing, 9, at(4), 6, "parts 2 to 3"})
	collecting := at(4)
	collecting.Collecting, collecting.Segments = "ida", 2
	in(2, turn{syncing, 9, collecting, 7, "parts 4 to 4"})
	in(0, turn{of, 9, Seen{Term: 1, Sync: 2, Sequence: 9}, 8, "wait until 0"})
}

// A full sync is sent in its parts; one that is refused or of which nothing is heard is begun
// anew, and so is one that is ordered meanwhile.
func TestAChannelSendsAFullSync(t *testing.T) {
	of := network.Standing{Term: 2, Last: 9, First: 10, Sync: 1, Syncing: true}
	at := func(id string, segments uint32) Seen {
		return Seen{Term: 1, Sequence: 30, Collecting: id, Segments: segments}
	}
	newer := of
	newer.Sync = 2
	refused := Seen{Term: 1, Sequence: 30, Refused: 1}
	done := Seen{Term: 2, Sequence: 9, Sync: 2, Refused: 1}
	more := network.Standing{Term: 2, Last: 10, First: 10, Sync: 2}
	play(t, channel(), []turn{
		{of, 9, at("", 0), 1, "begin"},
		{of, 9, at("", 0), 1, "parts 0 to 1"},
		{of, 9, at("", 0), 2, "parts 2 to 3"},
		{of, 9, at("", 0), 3, "wait until 101"},
		{of, 9, at("ida", 0), 3, "parts 4 to 4"},
		{of, 9, at("ida", 3), 50, "wait until 150"},
		{of, 9, at("ida", 3), 150, "begin"},
		{of, 9, at("ida", 3), 150, "parts 0 to 1"},
		{newer, 9, at("idg", 1), 151, "begin"},
		{newer, 9, refused, 152, "wait until 351"},
		{newer, 9, refused, 351, "begin"},
		{newer, 9, refused, 351, "parts 0 to 1"},
		{newer, 9, refused, 352, "parts 2 to 3"},
		{newer, 9, done, 353, "wait until 0"},
		{more, 10, done, 354, "send 10 to 10"},
	})
}

// What no entry can mend is asked for: at once what is too large, and a lost state when it lasts.
func TestAChannelAsksForAFullSync(t *testing.T) {
	of := network.Standing{Term: 1, Last: 9, Applied: 8, First: 9, Sync: 1}
	lost, back := Seen{Term: 1, Sync: 1, Sequence: 3}, Seen{Term: 1, Sync: 1, Sequence: 8}
	c := channel()
	play(t, c, []turn{
		{of, 9, lost, 1, "wait until 101"},
		{of, 9, back, 50, "send 9 to 9"},
		{of, 9, lost, 60, "wait until 160"},
		{of, 9, lost, 160, "ask for LOST_STATE"},
		{of, 9, lost, 161, "wait until 260"},
		{of, 9, lost, 260, "ask for LOST_STATE"},
		{of, 9, Seen{}, 261, "wait until 360"},
		{of, 9, Seen{Term: 1, Needs: "GAP"}, 400, "wait until 0"},
	})
	c = channel()
	play(t, c, []turn{{of, 9, back, 1, "send 9 to 9"}})
	c.Large(9)
	play(t, c, []turn{{of, 9, back, 2, "ask for TOO_LARGE"}, {of, 9, back, 3, "wait until 102"}})
	c.Large(0)
	play(t, c, []turn{{of, 9, back, 4, "wait until 101"}})
}

// The global manager is told what it does not know, again if it does not come to know it, and of
// nothing else.
func TestARelayTellsNews(t *testing.T) {
	of := network.Standing{Term: 2, Last: 9, Applied: 3, First: 4, Sync: 2}
	syncing := of
	syncing.Syncing = true
	for name, c := range map[string]struct {
		of   network.Standing
		seen Seen
		want bool
	}{
		"nothing new":               {of, Seen{Term: 2, Sequence: 3, Sync: 2}, false},
		"an entry":                  {of, Seen{Term: 2, Sequence: 4, Sync: 2}, true},
		"a term before":             {of, Seen{Term: 1, Sequence: 9, Needs: "GAP"}, false},
		"a term that is not known":  {of, Seen{Term: 3}, true},
		"an entry that is not":      {of, Seen{Term: 2, Sequence: 10}, true},
		"a full sync that is not":   {of, Seen{Term: 2, Sync: 3}, true},
		"a full sync":               {syncing, Seen{Term: 2, Sequence: 3, Sync: 2}, true},
		"an older full sync":        {syncing, Seen{Term: 2, Sequence: 3, Sync: 1, Needs: "GAP"}, false},
		"a need":                    {of, Seen{Term: 2, Sequence: 3, Sync: 2, Needs: "GAP"}, true},
		"a need that was heard":     {syncing, Seen{Term: 2, Sequence: 3, Sync: 1, Needs: "GAP"}, false},
		"a need behind a full sync": {syncing, Seen{Term: 2, Sequence: 3, Sync: 2, Needs: "GAP"}, true},
	} {
		if got := (&Relay{}).Next(c.of, c.seen, 1).Kind == Tell; got != c.want {
			t.Errorf("%s: told: %v", name, got)
		}
	}
	r := &Relay{Every: 10, Again: 100}
	first, second := Seen{Term: 2, Sequence: 4}, Seen{Term: 2, Sequence: 5}
	for _, c := range []struct {
		seen Seen
		now  int64
		want string
	}{{first, 1, "tell"}, {second, 2, "wait until 11"}, {second, 11, "tell"}, {second, 30, "wait until 111"}, {second, 111, "tell"}} {
		s := r.Next(of, c.seen, c.now)
		if s.String() != c.want {
			t.Errorf("at %d: %s, want %s", c.now, s, c.want)
		}
		if s.Kind == Tell {
			r.Told(c.seen, c.now)
		}
	}
}
