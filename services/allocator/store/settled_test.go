package store

import (
	"reflect"
	"testing"
)

// What is settled is deleted without being read, but for what is proposed anew with the
// same change.
func TestWhatIsSettledIsForgottenUnlessItIsProposedAnew(t *testing.T) {
	t.Parallel()
	s := NewMemory()
	ctx := t.Context()
	if _, err := s.Fill(ctx, Space{Name: "s", From: 1, To: 99, Next: 1}, nil); err != nil {
		t.Fatal(err)
	}
	propose := func(b Batch) []Proposal {
		t.Helper()
		b.Space = Space{Name: "s", From: 1, To: 99, Next: 1}
		out, err := s.Propose(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	propose(Batch{Wants: []Want{{"a", 2}, {"b", 2}, {"c", 2}}})
	got := propose(Batch{
		Granted: []Grant{{"a", Range{1, 2}}}, Refused: []string{"b", "c", "never", "forgotten"}, Wants: []Want{{"b", 2}, {"d", 1}, {"forgotten", 1}},
	})
	if want := []Proposal{{Range{7, 8}, true}, {Range{9, 9}, true}, {Range{10, 10}, true}}; !reflect.DeepEqual(got, want) {
		t.Errorf("proposed are %v, want %v", got, want)
	}
	state, err := s.Holds(ctx, "s")
	if want := map[string]Range{"b": {7, 8}, "d": {9, 9}, "forgotten": {10, 10}}; err != nil || !reflect.DeepEqual(state.Proposed, want) {
		t.Errorf("it holds %v, want %v; %v", state.Proposed, want, err)
	}
}
