package queue

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Refused says that a call was understood and refused; nothing has changed. Code is
// stable. Compare it by errors.Is with ErrFull and its like.
type Refused struct {
	Queue string
	// What was to be done, such as: enqueue "a".
	What string
	Code events.Code
	// ID is that of the entry that was asked for; empty if there is none, or of many.
	ID string
	// Entry is the one that is in the way, if one is.
	Entry *Entry
	// Creation tells which queue of that name the claims of Entry and of Held are of, as that of
	// the Queue does; 0 if it is not known.
	Creation uint64
	// Held is what the queue holds, where Code is events.CodeQueueHeld.
	Held *Holding
	// Of is what the queue is a copy of, where Code is events.CodeReadOnlyMirror.
	Of *events.ClusterPartition
	// Detail says what is so, if more is known than the code tells.
	Detail string
	copied *eventlog.ReadOnlyError
}

// of names the entry of a refusal.
func of(id string, err error) error {
	var refused *Refused
	if errors.As(err, &refused) {
		refused.ID = id
	}
	return err
}

// Holding is what a queue holds, and for what: therefore it is not deleted.
type Holding struct {
	// Entries is how many it holds, of which so many are Claimed.
	Entries, Claimed int
	// Holders are some of those that have claims, by their names; More is how many others do.
	Holders []Holder
	More    int
}

// String tells it to people.
func (h *Holding) String() string {
	text := fmt.Sprintf("it holds %d entries, of which %d are claimed", h.Entries, h.Claimed)
	var names []string
	for _, by := range h.Holders {
		names = append(names, by.Name)
	}
	if len(names) > 0 {
		text += fmt.Sprintf(" by %q", names)
	}
	if h.More > 0 {
		text += fmt.Sprintf(" and %d others", h.More)
	}
	return text
}

// The refusals, for errors.Is.
var (
	ErrUnknownQueue   = &Refused{Code: events.CodeUnknownQueue}
	ErrExists         = &Refused{Code: events.CodeQueueExists}
	ErrFull           = &Refused{Code: events.CodeQueueFull}
	ErrDeleted        = &Refused{Code: events.CodeQueueDeleted}
	ErrHeld           = &Refused{Code: events.CodeQueueHeld}
	ErrBadID          = &Refused{Code: events.CodeBadEntryID}
	ErrTooLarge       = &Refused{Code: events.CodeTooLarge}
	ErrDuplicate      = &Refused{Code: events.CodeDuplicateEntry}
	ErrOldTerm        = &Refused{Code: events.CodeOldTerm}
	ErrOutOfSequence  = &Refused{Code: events.CodeOutOfSequence}
	ErrUnknownEntry   = &Refused{Code: events.CodeUnknownEntry}
	ErrAlreadyRemoved = &Refused{Code: events.CodeAlreadyRemoved}
	ErrAlreadyClaimed = &Refused{Code: events.CodeAlreadyClaimed}
	ErrNothingToClaim = &Refused{Code: events.CodeNothingToClaim}
	ErrStaleClaim     = &Refused{Code: events.CodeStaleClaim}
	ErrBadCount       = &Refused{Code: events.CodeBadCount}
	ErrBadData        = &Refused{Code: events.CodeBadData}
	ErrBadName        = &Refused{Code: events.CodeBadName}
	ErrTooLate        = &Refused{Code: events.CodeTooLate}
	ErrReadOnly       = &Refused{Code: events.CodeReadOnlyMirror}
)

// said is what is so, and what to do about it, for each code.
var said = map[events.Code][2]string{
	events.CodeUnknownQueue:   {"there is no such queue", "create it (spanway queue create NAME), or look for its name (spanway queue list)"},
	events.CodeQueueExists:    {"it exists with other rules", "use it as it is, or change its rules (spanway queue configure NAME)"},
	events.CodeQueueFull:      {"it is full", "remove entries, or raise max_entries or max_bytes (spanway queue configure NAME)"},
	events.CodeQueueDeleted:   {"it was deleted", "begin again if another queue has its name by now; else create one, once its topics are gone"},
	events.CodeQueueHeld:      {"it holds entries", "take them out, or force the deletion"},
	events.CodeBadEntryID:     {"the ID is not of the kind that the queue has", "give 1 to 256 bytes of text without control characters; a UUID of version 7, less than a day older than the newest; a decimal number; or TERM-NUMBER: see the queue's rules"},
	events.CodeTooLarge:       {"the payload is too large", "store it elsewhere, and enqueue where it is"},
	events.CodeDuplicateEntry: {"the queue holds an entry with that ID", "give another ID, unless this was a repetition: then nothing is to be done"},
	events.CodeOldTerm:        {"a newer term has put entries in", "end this one: what it has still to say is not wanted any more"},
	events.CodeOutOfSequence:  {"the number is not the next one of the sequence", "put the entry in whose turn it is, or trim the queue up to the one before (spanway queue trim NAME --through N)"},
	events.CodeUnknownEntry:   {"the queue has no such entry, and does not remember one", "look at the ID"},
	events.CodeAlreadyRemoved: {"the entry was taken out before", "nothing is to be done: it does not come back"},
	events.CodeAlreadyClaimed: {"an entry is claimed", "claim others, or wait until its lease ends"},
	events.CodeNothingToClaim: {"no entry is free", "wait for one (--wait, or in Go Request.Wait)"},
	events.CodeStaleClaim:     {"the claim is over: its lease ended, it was released, or the entry was removed", "drop the work; claim again"},
	events.CodeBadCount:       {"the count is not allowed", "give 1 to 1000"},
	events.CodeBadData:        {"a value is not allowed", "mend it"},
	events.CodeUnknownSpace:   {"there is no such space of identifiers", "create it (spanway id create SPACE --to N), or look for its name (spanway id list)"},
	events.CodeBadName:        {"a queue cannot have that name", "give another name"},
	events.CodeTooLate:        {"the call came to stand too far behind what this host had read", "make it again"},
	events.CodeReadOnlyMirror: {"it is a copy of a queue at another site", "make the call at that cluster (--site or --brokers), under the prefix that its topics have (--prefix)"},
}

func (e *Refused) Error() string {
	text := said[e.Code]
	is := cmp.Or(e.Detail, text[0])
	if text[1] != "" {
		is += "; " + text[1]
	}
	if e.Queue == "" {
		return strings.TrimSuffix(fmt.Sprintf("%s: %s", e.Code, is), ": ")
	}
	return fmt.Sprintf("%s: queue %s: %s: %s", e.What, e.Queue, e.Code, is)
}

// Unwrap is the *eventlog.ReadOnlyError of a copy, as it is everywhere; else nil.
func (e *Refused) Unwrap() error {
	if e.copied == nil {
		return nil
	}
	return e.copied
}

// Is tells whether target is a refusal for the same reason.
func (e *Refused) Is(target error) bool {
	t, ok := target.(*Refused)
	return ok && t.Queue == "" && t.Code == e.Code
}

// Gone says that the log does not hold the payload of an entry any more: the entry was
// taken out, and the log was truncated since.
type Gone struct {
	Queue string
	Entry Entry
	Err   error
}

func (e *Gone) Error() string {
	return fmt.Sprintf("read the payload of %q at %d of queue %s: it is deleted from the log; the entry was taken out before: %v", e.Entry.ID, e.Entry.Seq, e.Queue, e.Err)
}

func (e *Gone) Unwrap() error { return e.Err }

// Behind says that a watcher did not keep up: changes were dropped.
type Behind struct {
	Queue string
	// Changes is how many had waited.
	Changes int
}

func (e *Behind) Error() string {
	return fmt.Sprintf("watch queue %s: %d changes wait to be taken, and more came; watch again, and take them faster", e.Queue, e.Changes)
}

// Diverged says that the log has lost entries that were applied: what was made of them is
// not what other hosts make of the log.
type Diverged struct {
	Queue string
	// Applied is the sequence number of the last entry that was applied.
	Applied int64
	Detail  string
}

func (e *Diverged) Error() string {
	return fmt.Sprintf("replicate queue %s: the log has lost entries up to %d that were applied (%s); make the state anew from the beginning of the queue, or from a copy of another host", e.Queue, e.Applied, e.Detail)
}
