// Package steady tells a time of day that no step of a host's clock disturbs: what is
// measured with it (leases, pauses, time limits) takes its time, whatever is done to the
// host's clock meanwhile.
//
// It is moved on by the time that has really elapsed, and follows the host's time of day
// by at most a sixteenth of that. So it never stands still and never goes back; a clock
// that is a minute ahead for some seconds moves it by a fraction of a second, and one
// that stays corrected by a minute is level with it a quarter of an hour later. An
// interval that is measured is right to a sixteenth; an engine gives up its lease a
// fifth early, so there is room.
//
// What elapses counts the sleep of a machine, where the system tells of it:
//
//	Linux, Android    CLOCK_BOOTTIME
//	macOS, iOS        CLOCK_MONOTONIC, which goes on in sleep there (Go's own does not)
//	OpenBSD           CLOCK_BOOTTIME
//	all others        Go's monotonic clock, which need not count it
//
// Where it does not, an engine on a machine that slept learns that its lease is over
// when it reads so, not by itself; what it writes until then is fenced by its token, as
// that of every engine that is believed dead.
//
// The state is one Clock for each that measures. There is nothing to recover: a process
// that starts begins with its host's time of day.
package steady
