package kafka

import (
	"errors"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/kafka/batch"
)

func TestApacheFence(t *testing.T) {
	b := apache.Start(t, apache.Config{Properties: map[string]string{"message.max.bytes": "16777216"}})
	testFence(t, b.Addr())
	testTopicID(t, b.Addr())
	testEnds(t, b.Addr())
	t.Run("several MiB in one batch", func(t *testing.T) {
		w := fenced(t, b.Addr(), "large")
		claimed(t, w)
		if _, _, err := w.Append(t.Context(), encoded(t, 1, now(), make([]byte, 5<<20))); err != nil {
			t.Error(err)
		}
	})
	t.Run("an earlier producer ID is fenced by a marker", func(t *testing.T) {
		first, second := fenced(t, b.Addr(), "other"), fenced(t, b.Addr(), "other")
		second.txn.id, second.config.ID = "new", "new"
		claimed(t, first)
		append1(t, first, 1)
		claim := claimed(t, second)
		if claim.End != claim.Marker+2 {
			t.Errorf("marker %d, end %d: no marker of the earlier producer", claim.Marker, claim.End)
		}
		var over *WriterFenced
		if _, _, err := first.Append(t.Context(), encoded(t, 1, now())); !errors.As(err, &over) {
			t.Errorf("the earlier producer ID appended: %v", err)
		}
	})
	t.Run("a claim that died before it fenced an earlier producer ID hides none", func(t *testing.T) {
		writer := func(id string) *FencedWriter {
			w := fenced(t, b.Addr(), "hidden")
			w.txn.id, w.config.ID = id, id
			return w
		}
		first, dead, third := writer("first"), writer("dead"), writer("third")
		claimed(t, first)
		append1(t, first, 1)
		for range 2 { // It begins anew, as the same producer, and dies again.
			if err := dead.learnExpiry(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := dead.step(t.Context(), "claim", func() (err error) { dead.producer, err = dead.txn.claim(t.Context()); return err })
			if err == nil {
				err = dead.leaveMarker(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		claim := claimed(t, third)
		if claim.End != claim.Marker+3 {
			t.Errorf("marker %d, end %d: want a marker of each earlier producer", claim.Marker, claim.End)
		}
		dead.claimed, dead.renewed = true, time.Now() // It believes that it has come to the end of its claim.
		for name, w := range map[string]*FencedWriter{"first": first, "dead": dead} {
			var over *WriterFenced
			if _, _, err := w.Append(t.Context(), encoded(t, 1, now())); !errors.As(err, &over) {
				t.Errorf("%s appended: %v", name, err)
			}
		}
		again := claimed(t, writer("third"))
		if again.End != again.Marker+1 {
			t.Errorf("marker %d, end %d: what is fenced already is fenced again", again.Marker, again.End)
		}
	})
	t.Run("a raised epoch without a marker does not fence", func(t *testing.T) {
		first, second := fenced(t, b.Addr(), "unmarked"), fenced(t, b.Addr(), "unmarked")
		claimed(t, first)
		if _, err := second.txn.claim(t.Context()); err != nil {
			t.Fatal(err)
		}
		append1(t, first, -1) // The zombie slips in: this is why a claim awaits its marker.
	})
	t.Run("EndTxn answers before the marker is written", func(t *testing.T) {
		early := 0
		for range 100 {
			w := fenced(t, b.Addr(), "early")
			if err := w.learnExpiry(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := w.step(t.Context(), "claim", func() (err error) { w.producer, err = w.txn.claim(t.Context()); return err })
			if err != nil {
				t.Fatal(err)
			}
			if err := w.step(t.Context(), "begin", func() error { return w.txn.begin(t.Context(), w.producer) }); err != nil {
				t.Fatal(err)
			}
			if err := w.txn.abort(t.Context(), w.producer); err != nil {
				t.Fatal(err)
			}
			if w.txn.abort(t.Context(), w.producer) != nil {
				early++
			}
		}
		if early == 0 {
			t.Error("each second request succeeded at once: the marker need not be awaited any more")
		}
	})
}

// A cluster that forgets is where an older epoch comes back in, and where a transactional
// ID comes back as another producer.
func TestApacheFenceOfABrokerThatForgets(t *testing.T) {
	b := apache.Start(t, apache.Config{Properties: map[string]string{
		"producer.id.expiration.ms":                                  "3000",
		"producer.id.expiration.check.interval.ms":                   "100",
		"transactional.id.expiration.ms":                             "3000",
		"transaction.remove.expired.transaction.cleanup.interval.ms": "200",
	}})
	t.Run("the expiry is read from the broker", func(t *testing.T) {
		if claim := claimed(t, fenced(t, b.Addr(), "expiry")); claim.RenewEvery != 750*time.Millisecond {
			t.Errorf("renew every %s", claim.RenewEvery)
		}
	})
	t.Run("old timestamps end the fence", func(t *testing.T) {
		first, second := fenced(t, b.Addr(), "old"), fenced(t, b.Addr(), "old")
		claimed(t, first)
		claimed(t, second)
		var old *TooOld
		if _, _, err := second.Append(t.Context(), encoded(t, 1, now()-time.Hour.Milliseconds())); !errors.As(err, &old) {
			t.Errorf("appended what is an hour old: %v", err)
		}
		second.config.Old = true
		if _, _, err := second.Append(t.Context(), encoded(t, 1, now()-time.Hour.Milliseconds())); err != nil {
			t.Fatal(err)
		}
		zombieReturns(t, first)
	})
	t.Run("without a renewal the fence ends", func(t *testing.T) {
		first, second := fenced(t, b.Addr(), "idle"), fenced(t, b.Addr(), "idle")
		claimed(t, first)
		claimed(t, second)
		zombieReturns(t, first)
		var lapsed *FenceLapsed
		if _, _, err := second.Append(t.Context(), encoded(t, 1, now())); !errors.As(err, &lapsed) {
			t.Errorf("the owner appended: %v", err)
		}
	})
	t.Run("a forgotten transactional ID is another producer, and the earlier one is fenced", func(t *testing.T) {
		first, second := fenced(t, b.Addr(), "forgotten"), fenced(t, b.Addr(), "forgotten")
		before := claimed(t, first)
		append1(t, first, -1)
		again := time.NewTicker(50 * time.Millisecond) // A second EndTxn asks, and keeps nothing alive.
		defer again.Stop()
		for deadline := time.Now().Add(time.Minute); ; <-again.C {
			err := first.txn.abort(t.Context(), first.producer)
			if errors.Is(err, kafkago.InvalidProducerIDMapping) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the transactional ID is not forgotten: %v", err)
			}
		}
		if claim := claimed(t, second); claim.ProducerID == before.ProducerID || claim.End != claim.Marker+2 {
			t.Errorf("producer %d as before, or no marker of it: %+v", before.ProducerID, claim)
		}
		b := encoded(t, 1, now())
		batch.Stamp(b, first.producer)
		if _, err := first.log.sequence.attempt(t.Context(), b); !fencing(err) {
			t.Errorf("the earlier producer: %v", err)
		}
	})
}

// zombieReturns waits until the broker has forgotten the newer epoch and takes a batch of
// the older one.
func zombieReturns(t *testing.T, zombie *FencedWriter) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-again.C {
		b := encoded(t, 1, now())
		batch.Stamp(b, zombie.producer)
		_, err := zombie.log.sequence.attempt(t.Context(), b)
		if err == nil {
			return
		}
		if !fencing(err) || time.Now().After(deadline) {
			t.Fatalf("the zombie is still refused: %v", err)
		}
	}
}
