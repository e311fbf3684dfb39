package sharedlog

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// tenPages is a log of ten pages of one record. It notes what is fetched.
type tenPages struct {
	eventlog.Log
	fetched []int64
	waits   []time.Duration
	fails   error
}

func (l *tenPages) Fetch(_ context.Context, from int64, wait time.Duration) (events.Page, error) {
	l.fetched, l.waits = append(l.fetched, from), append(l.waits, wait)
	if l.fails != nil {
		return events.Page{}, l.fails
	}
	if from >= 10 {
		return events.Page{Next: from, End: 10}, nil
	}
	return events.Page{Records: []events.Record{{Offset: from}}, Next: from + 1, End: 10}, nil
}

// The next page is fetched ahead if it is there, and used only for what it is of.
func TestThePageThatFollowsIsFetchedAhead(t *testing.T) {
	log := &tenPages{}
	a := &ahead{Log: log, next: -1}
	defer a.settle()
	fetch := func(from int64) {
		t.Helper()
		page, err := a.Fetch(t.Context(), from, time.Second)
		if err != nil || from < 10 && page.Records[0].Offset != from || from >= 10 && len(page.Records) > 0 {
			t.Errorf("from %d: %+v, %v", from, page, err)
		}
		a.settle()
	}
	expect := func(want ...int64) {
		t.Helper()
		if !slices.Equal(log.fetched, want) {
			t.Errorf("fetched %v, want %v", log.fetched, want)
		}
		log.fetched = nil
	}
	fetch(3)
	expect(3, 4)
	fetch(4)
	expect(5)
	fetch(7) // Another place than the next one.
	expect(7, 8)
	fetch(7) // Again, as what compares a log with what was read does.
	expect(7, 8)
	fetch(8)
	fetch(9)
	expect(9)
	log.waits = nil
	fetch(10) // Here it waits for more.
	if expect(10); !slices.Equal(log.waits, []time.Duration{time.Second}) {
		t.Errorf("waited %v at the end", log.waits)
	}
}

// What could not be fetched ahead is fetched again: its reader gets the error of today.
func TestAnErrorIsNotFetchedAhead(t *testing.T) {
	log := &tenPages{}
	a := &ahead{Log: log, next: -1}
	if _, err := a.Fetch(t.Context(), 0, 0); err != nil {
		t.Fatal(err)
	}
	a.settle()
	if _, err := a.Fetch(t.Context(), 1, 0); err != nil { // Of what was fetched ahead; 2 follows.
		t.Fatal(err)
	}
	a.settle()
	a.page, log.fails = events.Page{}, errors.New("the broker is away") // As if that had failed.
	if _, err := a.Fetch(t.Context(), 2, 0); !errors.Is(err, log.fails) {
		t.Errorf("error %v", err)
	}
	log.fails = nil
	if page, err := a.Fetch(t.Context(), 2, 0); err != nil || page.Records[0].Offset != 2 {
		t.Errorf("%+v, %v", page, err)
	}
	a.settle()
}
