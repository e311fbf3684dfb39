package doctor

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spanway/spanway/internal/kafka"
)

// Examine makes findings of facts: the worst first, and of the same level in the order in
// which things depend on each other. Findings that say the same of several things are one.
func Examine(facts Facts) []Finding {
	var f findings
	if facts.Unreachable != nil {
		f.add(Problem, "kafka.reach", "brokers", remedyOf(facts.Unreachable, "look at --brokers, and whether the brokers run"), "%v", facts.Unreachable)
	} else {
		brokers(&f, facts.Brokers)
		topics(&f, facts)
		rights(&f, facts)
		groups(&f, facts)
		clocks(&f, facts)
	}
	redis(&f, facts)
	space(&f, facts.Disk)
	return f.joined()
}

// remedyOf is that of the error, if it names one: a broker that speaks TLS where plain text was
// spoken to it runs, and its address is right.
func remedyOf(err error, other string) string {
	var refused *kafka.Rejected
	if errors.As(err, &refused) && refused.Remedy != "" {
		return refused.Remedy
	}
	return other
}

// What clocks may be apart: tokens and order do not rest on them, times that people read,
// notBefore and deadlines do.
const (
	apart    = time.Second
	farApart = 30 * time.Second
)

func clocks(f *findings, facts Facts) {
	const check = "clocks"
	switch {
	case facts.Controller != nil:
		skew(f, check, facts.Controller.Name, facts.Controller.Ahead)
	case errors.As(facts.ControllerErr, new(*kafka.NoClock)):
		f.add(Note, check, "brokers", "", "their clocks are not known: %v", facts.ControllerErr)
	case facts.ControllerErr != nil:
		f.unknown(check, "brokers", facts.ControllerErr)
	}
	if facts.ClocksErr != nil {
		f.unknown(check, "engines and schedulers", facts.ClocksErr)
	}
	for _, c := range facts.Clocks {
		skew(f, check, c.Name, c.Ahead)
	}
	if len(facts.Clocks) == 0 && facts.ClocksErr == nil {
		f.add(Note, check, "engines", "", "no engine sent a heartbeat while the doctor listened, so no clock of engines and schedulers was compared")
	}
}

// skew judges how far a clock is ahead of this host's.
func skew(f *findings, check, subject string, ahead time.Duration) {
	const remedy = "keep the clocks in step (NTP): notBefore, deadlines and the times that people read rest on them"
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	off := ahead.Abs().Round(100 * time.Millisecond)
	switch {
	case off >= farApart:
		f.add(Problem, check, subject, remedy, "the clock is %v %s this host's", off, direction)
	case off >= apart:
		f.add(Warning, check, subject, remedy, "the clock is %v %s this host's", off, direction)
	default:
		f.add(OK, check, subject, "", "the clock is within %v of this host's", apart)
	}
}

// Room on the disk of an embedded broker, in bytes: it stops below some MiB.
const (
	little   = 1 << 30
	tooSmall = 64 << 20
)

func space(f *findings, d *Disk) {
	const check = "disk"
	if d == nil {
		return
	}
	if d.Err != nil {
		f.add(Unknown, check, d.Path, "give the directory of the embedded broker (--data of spanway dev), as a user who may read it", "it could not be read: %v", d.Err)
		return
	}
	const remedy = "make room, never by deleting files of partitions (spanway log list says what is large): the embedded broker stops before the disk is full, and loses nothing that it acknowledged; start it again then"
	level, do := OK, ""
	switch {
	case d.Free < tooSmall:
		level, do = Problem, remedy
	case d.Free < little:
		level, do = Warning, remedy
	}
	f.add(level, check, d.Path, do, "%d MiB of %d are free", d.Free>>20, d.Total>>20)
}

// number is that of a setting; false if it is none.
func number(settings map[string]string, name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(settings[name], 10, 64)
	return n, err == nil
}

func isTrue(settings map[string]string, name string) bool {
	return strings.EqualFold(settings[name], "true")
}
