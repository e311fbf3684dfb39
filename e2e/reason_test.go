package e2e_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// reasons are why tests failed. Of a long output only the end may be shown, and there
// stands what each process said last: so the reasons are said once more behind all that.
var reasons said

// reasonsKept bounds how many reasons of one test are said again: the first ones.
const reasonsKept = 10

// said keeps reasons by the name of their test.
type said struct {
	mu  sync.Mutex
	all []reason
}

type reason struct{ test, text string }

func (s *said) add(test, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.all {
		if r.test == test {
			n++
		}
	}
	if n < reasonsKept {
		s.all = append(s.all, reason{test, text})
	}
}

// of returns the reasons of a test and of those within it, one a line; of all tests if
// it has no name.
func (s *said) of(test string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, r := range s.all {
		if test == "" || r.test == test || strings.HasPrefix(r.test, test+"/") {
			fmt.Fprintf(&b, "%s: %s\n", r.test, r.text)
		}
	}
	return b.String()
}

// sayAll says the reasons of all tests.
func (s *said) sayAll(w io.Writer) {
	if all := s.of(""); all != "" {
		fmt.Fprintf(w, "---- why tests failed\n%s", all)
	}
}

// repeatReasons has the reasons of a test stand at the end of its output. It must be
// called before anything else that the test cleans up is begun.
func repeatReasons(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if all := reasons.of(t.Name()); all != "" {
			t.Logf("---- why it failed\n%s", all)
		}
	})
}

// wrong fails a test for a reason that is said again at its end, and lets it go on.
func wrong(t *testing.T, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	reasons.add(t.Name(), text)
	t.Error(text)
}

// giveUp fails a test for a reason that is said again at its end, and ends it.
func giveUp(t *testing.T, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	reasons.add(t.Name(), text)
	t.Fatal(text)
}

const (
	// lookAgain is after what time a system is looked at once more: what moves is slow,
	// what does not move has stopped.
	lookAgain = 2 * time.Second
	// lookWithin bounds one look.
	lookWithin = 10 * time.Second
)

// howFar tells, of the partition of the default pool, where its topics end and how much
// of that its owner and the journal have read, now and a little later.
func (s *system) howFar() string {
	first := s.look()
	<-time.After(lookAgain)
	return fmt.Sprintf("%s; %v later: %s", first, lookAgain, s.look())
}

func (s *system) look() string {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	k := kafka.New(kafka.Config{Brokers: []string{s.broker.Addr()}})
	defer k.Close()
	topics, at := events.Topics{Prefix: s.prefix}, events.PoolPartition(events.DefaultPool)
	var b strings.Builder
	ends := map[string]int64{}
	for _, topic := range []string{topics.Requests(), topics.Reports(), topics.Events()} {
		_, end, err := k.Offsets(ctx, topic, at)
		ends[topic] = end
		tell(&b, err, "%s/%d ends at %d", topic, at, end)
	}
	members, err := k.Members(ctx, topics.Prefix+"scheduler")
	tell(&b, err, "the group of the schedulers has %d members", members)
	log := k.Partition(topics.Events(), at)
	r, err := eventlog.NewReaderBehind(ctx, log, topics.Events(), at, ends[topics.Events()])
	if tell(&b, err, "the owner has written"); err == nil {
		fmt.Fprintf(&b, " in epoch %d that it has read %s", r.Judge().Epoch, r.Inputs().Append(nil))
	}
	tell(&b, nil, "the journal has seen what stands before %d", s.seen.next(at))
	return b.String()
}

// tell writes what was seen, or why it could not be.
func tell(b *strings.Builder, err error, format string, args ...any) {
	if b.Len() > 0 {
		b.WriteString(", ")
	}
	fmt.Fprintf(b, format, args...)
	if err != nil {
		fmt.Fprintf(b, " (%v)", err)
	}
}

// next is the offset behind the newest event that was seen of a partition.
func (j *journal) next(partition int32) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.nexts[partition]
}
