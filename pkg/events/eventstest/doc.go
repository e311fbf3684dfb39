// Package eventstest makes messages of every type of the catalogue for tests: with every
// field set, so that a test sees a field that was forgotten, also one that is new.
package eventstest
