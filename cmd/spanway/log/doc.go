// Package log is the noun log: the topics themselves, decoded; dead letters and what is
// done again with them; replays of the past; and the reset of a log that lost records.
package log
