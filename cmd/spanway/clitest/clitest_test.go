package clitest

import "testing"

// On a slow machine a command tells that it waits, which is not what a session is about;
// that something is wrong is.
func TestASessionDoesNotTellOfASlowMachine(t *testing.T) {
	for said, want := range map[string]string{
		"spanway: trying again: read t/3 from offset 7: there is no answer yet, for 1.2s, others: 0\n": "",
		"spanway: it goes on again, after 1.4s\n":                                                      "",
		"spanway: trying again: read t/3: connection refused, for 1s\n":                                "spanway: trying again: read t/3: connection refused, for AGE\n",
	} {
		if got := normal(said); got != want {
			t.Errorf("of %q a session tells %q, want %q", said, got, want)
		}
	}
}
