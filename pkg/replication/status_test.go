package replication

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// Where it was told first that a link copies a topic is its claim: a report that names none
// says that by where it stands, unless the copy was told of before.
func TestClaims(t *testing.T) {
	_, s := newStanding(nil, "")
	at := int64(0)
	tell := func(key string, m *events.ReplicationCopyReported) {
		r := events.Record{Offset: at, Key: []byte(key)}
		if m != nil {
			var err error
			if r, err = (events.Encoder{Source: "/spanway/test/replicator"}).Encode(key, m); err != nil {
				t.Fatal(err)
			}
			r.Offset = at
		}
		at++
		s.set(key, &r)
	}
	want := func(key string, claim int64) {
		t.Helper()
		if got := s.copies[key].GetClaim(); got != claim {
			t.Errorf("behind %d: the claim of %s is %d, want %d", at, key, got, claim)
		}
	}
	tell("one/a/0", &events.ReplicationCopyReported{Link: "one", Topic: "a"})
	tell("two/a/0", &events.ReplicationCopyReported{Link: "two", Topic: "a"})
	want("one/a/0", 1)
	want("two/a/0", 2)
	tell("one/a/0", &events.ReplicationCopyReported{Link: "one", Topic: "a"}) // It was not read yet.
	want("one/a/0", 1)
	tell("one/a/0", &events.ReplicationCopyReported{Link: "one", Topic: "a", Claim: 1, Next: 9})
	want("one/a/0", 1)
	tell("one/a/0", nil)
	tell("one/a/0", &events.ReplicationCopyReported{Link: "one", Topic: "a"})
	want("one/a/0", 6)
	tell("one/a/0", &events.ReplicationCopyReported{Link: "one", Topic: "x.a"}) // Another topic.
	want("one/a/0", 7)
}

// Several replicators of one name are told of, in whatever order they report; one that was
// replaced is not.
func TestSeveralOfOneName(t *testing.T) {
	many := "ABCDEFGHIJKLMNOP"
	for order, want := range map[string]bool{
		"A": false, "AAA": false, "AB": false, "AABBCC": false, many: false, // Each has replaced the one before.
		"ABA": true, "ABCA": true, "AABBCCAABBCC": true, "ABCB": true, many + "A": true,
	} {
		_, s := newStanding(nil, "")
		for i, process := range order {
			m := &events.ReplicationLinkReported{Link: "in", Replicator: "one", Process: string(process), AtMs: int64(i)}
			r, err := (events.Encoder{Source: "/spanway/test/replicator"}).Encode("in@one", m)
			if err != nil {
				t.Fatal(err)
			}
			s.set("in@one", &r)
		}
		if got := s.duplicates(); (len(got) == 1) != want {
			t.Errorf("%s: %v", order, got)
		}
		if n := len(s.wrote["in@one"]); n > mostWriters {
			t.Errorf("%s: %d processes are remembered", order, n)
		}
	}
}
