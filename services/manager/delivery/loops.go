package delivery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/network"
)

// How long a loop pauses after an error, about: less by up to a half, so that deliveries do not
// come back in step.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
)

// moment is what a loop decides by. The channels are closed when something has changed.
type moment struct {
	of         network.Standing
	there      bool
	seen       Seen
	known      bool
	passed     uint64
	fold, news <-chan struct{}
}

func (d *Delivery) look() moment {
	m := moment{fold: d.cfg.Fold.Moved()}
	d.mu.Lock()
	m.seen, m.known, m.passed, m.news = d.seen, d.known, d.passed, d.news
	d.mu.Unlock()
	d.cfg.Fold.Look(func(core *network.Core) { m.of, m.there = core.StandingOf(d.cfg.Site) })
	return m
}

// await waits until something has changed, or until a time; 0: none.
func (d *Delivery) await(ctx context.Context, m moment, at int64) {
	var due <-chan time.Time
	if at > 0 {
		timer := time.NewTimer(time.Duration(at-d.now()) * time.Millisecond)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-m.fold:
	case <-m.news:
	case <-due:
	case <-ctx.Done():
	}
}

// loop takes steps until ctx ends, or until an error that no trying mends.
func (d *Delivery) loop(ctx context.Context, what string, step func(context.Context, moment) (Step, error)) error {
	try := d.cfg.Board.New(fmt.Sprintf("%s of site %s", what, d.cfg.Site))
	defer try.End()
	for pause := firstPause; ctx.Err() == nil; {
		m := d.look()
		if !m.there {
			d.await(ctx, m, 0)
			continue
		}
		once, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
		s, err := step(once, m)
		cancel()
		switch {
		case err == nil:
			try.Passed()
			pause = firstPause
			if s.Kind == Wait {
				d.await(ctx, m, s.At)
			}
		case final(err):
			return err
		default:
			try.Again(ctx, err, pause/2+mathrand.N(pause/2+1))
			pause = min(2*pause, longestPause)
		}
	}
	return nil
}

// final tells whether no trying mends an error.
func final(err error) bool {
	var newer *NewerTermError
	return errors.As(err, &newer) || errors.Is(err, queue.ErrDeleted) || errors.Is(err, queue.ErrReadOnly)
}

// feedOnce takes a step of the feed.
func (d *Delivery) feedOnce(ctx context.Context, m moment) (Step, error) {
	held, err := d.cfg.Queue.Held(ctx)
	if err != nil {
		return Step{}, err
	}
	d.pass(held)
	s := Feed(m.of, held, m.seen)
	switch s.Kind {
	case End:
		err = ErrNewerTerm
	case Trim:
		err = d.cfg.Queue.Trim(ctx, s.To)
	case Enqueue:
		var items []queue.Item
		if items, err = d.items(m.of.Term, s.From, s.To); err == nil && len(items) > 0 {
			err = d.cfg.Queue.Put(ctx, items)
		}
	}
	switch {
	case errors.Is(err, ErrNewerTerm):
		return s, &NewerTermError{d.cfg.Site, m.of.Term}
	case errors.Is(err, ErrMoved): // What is there by now is looked at.
		return s, nil
	}
	return s, err
}

// entries calls see with entries of a term that are there, in order, until it returns false.
func (d *Delivery) entries(term, from, to uint64, see func(*events.NetworkEntry) bool) {
	d.cfg.Fold.Look(func(core *network.Core) {
		for n := from; n <= to; n++ {
			if e := core.Entry(d.cfg.Site, n); e == nil || e.Term != term || !see(e) {
				return
			}
		}
	})
}

// items are entries for the queue.
func (d *Delivery) items(term, from, to uint64) (items []queue.Item, err error) {
	d.entries(term, from, to, func(e *events.NetworkEntry) bool {
		var i queue.Item
		if i, err = item(e); err == nil {
			items = append(items, i)
		}
		return err == nil
	})
	return items, err
}

// sendOnce takes a step of the channel.
func (d *Delivery) sendOnce(ctx context.Context, m moment) (Step, error) {
	if !m.known {
		return Step{}, nil
	}
	now := d.now()
	s := d.channel.Next(m.of, m.passed, m.seen, now)
	defer func() { d.inFlight.Store(int64(d.channel.InFlight())) }()
	var messages []Message
	switch s.Kind {
	case Wait:
		return s, nil
	case Begin:
		d.begin(m, now)
		return s, nil
	case Ask:
		return s, d.ask(ctx, m, s)
	case SendParts:
		for n := s.From; n <= s.To; n++ {
			messages = append(messages, d.attempt.Part(n))
		}
	case Send:
		if s.From <= d.alone {
			s.To = s.From
		}
		messages = d.messages(m.of.Term, s.From, s.To)
	}
	if len(messages) == 0 {
		return s, nil // The fold has moved, or the channel knows of an entry now that is too large.
	}
	messages = messages[:d.pace.most(len(messages))]
	if at := d.pace.take(len(messages), now); at > now {
		return Step{At: at}, nil
	}
	if err := d.cfg.Inbox.Append(ctx, messages); err != nil {
		d.refusal(s, len(messages), err)
		return s, err
	}
	s.To = s.From + uint64(len(messages)) - 1
	d.channel.Sent(s, d.now())
	return s, nil
}

// messages are entries for the inbox, up to one that is too large.
func (d *Delivery) messages(term, from, to uint64) (messages []Message) {
	d.entries(term, from, to, func(e *events.NetworkEntry) bool {
		if tooLarge(e) {
			d.channel.Large(e.Sequence)
			return false
		}
		messages = append(messages, entryMessage(e))
		return true
	})
	return messages
}

// refusal notes an entry that the cluster of the site does not take, such as one that is larger than
// its topic allows: a full sync is asked for. Of those that were sent together each is tried alone.
func (d *Delivery) refusal(s Step, n int, err error) {
	switch {
	case s.Kind != Send || !eventlog.IsRefused(err):
	case n > 1:
		d.alone = s.From + uint64(n) - 1
	default:
		d.refused = s.From
		d.channel.Large(s.From)
	}
}

// begin makes an attempt at the full sync that is ordered, as it is now.
func (d *Delivery) begin(m moment, now int64) {
	var of network.SyncOf
	ok := false
	d.cfg.Fold.Look(func(core *network.Core) { of, ok = core.Sync(d.cfg.Site) })
	if !ok || of.Begin.Term != m.of.Term || of.Begin.Sync != m.of.Sync {
		return // The fold has moved.
	}
	d.attempt = NewAttempt(of, "sync-"+rand.Text())
	d.channel.Began(d.attempt.id, of.Begin.Sync, d.attempt.Parts(), now)
}

// ask asks for a full sync, unless the entry that is too large is so no more.
func (d *Delivery) ask(ctx context.Context, m moment, s Step) error {
	if s.From > 0 {
		large := false
		d.entries(m.of.Term, s.From, s.From, func(e *events.NetworkEntry) bool {
			large = tooLarge(e) || e.Sequence == d.refused && e.Skipped == ""
			return true
		})
		if !large {
			d.channel.Large(0)
			return nil
		}
	}
	err := d.cfg.Requests.Report(ctx, &events.NetworkSiteReport{Site: d.cfg.Site, Term: m.of.Term, NeedsSync: s.Reason})
	if err == nil {
		d.channel.Sent(s, d.now())
	}
	return err
}

// tellOnce takes a step of the relay.
func (d *Delivery) tellOnce(ctx context.Context, m moment) (Step, error) {
	if !m.known {
		return Step{}, nil
	}
	s := d.relay.Next(m.of, m.seen, d.now())
	if s.Kind != Tell {
		return s, nil
	}
	err := d.cfg.Requests.Report(ctx, m.seen.Report(d.cfg.Site))
	if err == nil {
		d.relay.Told(m.seen, d.now())
	}
	return s, err
}
