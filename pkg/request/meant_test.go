package request

import "testing"

// A quantity in bytes is written without the B.
func TestMeant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"24GiB": "; did you mean 24Gi?", "1B": "; did you mean 1?", "24Gi": "", "many": "", "B": ""} {
		if got := Meant(text); got != want {
			t.Errorf("Meant(%q) is %q, want %q", text, got, want)
		}
	}
}
