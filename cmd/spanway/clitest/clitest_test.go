package clitest

import (
	"slices"
	"strings"
	"testing"
)

// A command waits for a broker that a test has started, unless the call says for how long.
func TestACommandWaitsForABrokerThatIsToAnswer(t *testing.T) {
	Answers(t, "127.0.0.1:1234")
	for _, c := range []struct{ call, want []string }{
		{[]string{"--brokers", "127.0.0.1:1234", "--", "x"}, []string{"--brokers", "127.0.0.1:1234", "--dial-timeout", "1m", "--", "x"}},
		{[]string{"--brokers", "127.0.0.1:1"}, []string{"--brokers", "127.0.0.1:1"}},
		{[]string{"--dial-timeout", "1s", "--brokers", "127.0.0.1:1234"}, []string{"--dial-timeout", "1s", "--brokers", "127.0.0.1:1234"}},
		{[]string{"--", "--brokers", "127.0.0.1:1234"}, []string{"--", "--brokers", "127.0.0.1:1234"}},
	} {
		if got, _ := patient(c.call); !slices.Equal(got, c.want) {
			t.Errorf("%q becomes %q, want %q", c.call, got, c.want)
		}
	}
	Answers(t, "c.yaml")
	for place, want := range map[string]bool{"--config=c.yaml": false, "--config c.yaml": true, "--config c.yaml --dial-timeout 1s": true, "--brokers 127.0.0.1:1": false} {
		if _, answers := patient(strings.Fields(place)); answers != want {
			t.Errorf("%s is to answer: %v", place, answers)
		}
	}
}

// On a slow machine a command tells that it waits, which is not what a session is about;
// that something is wrong is.
func TestASessionDoesNotTellOfASlowMachine(t *testing.T) {
	for said, want := range map[string]string{
		"spanway: trying again: read t/3 from offset 7: there is no answer yet, for 1.2s, others: 0\n": "",
		"spanway: it goes on again, after 1.4s\n":                                                      "",
		"spanway: trying again: read t/3: connection refused, for 1s\n":                                "spanway: trying again: read t/3: connection refused, for AGE\n",
		"task a pending 59.9s 1m2s\ntask b 12m4s)\n":                                                   "task a pending AGE AGE\ntask b AGE)\n",
	} {
		if got := normal(said); got != want {
			t.Errorf("of %q a session tells %q, want %q", said, got, want)
		}
	}
}
