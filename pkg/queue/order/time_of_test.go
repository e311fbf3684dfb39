package order

import "testing"

func TestTimeOf(t *testing.T) {
	for id, want := range map[string]int64{
		"019ad2f4-0c3e-7abc-8def-0123456789ab": 0x019ad2f40c3e,
		"ffffffff-ffff-7fff-bfff-ffffffffffff": 0xffffffffffff,
		"00000000-0000-7000-9000-000000000000": 0,
		"019ad2f4-0c3e-4abc-8def-0123456789ab": -1, // of version 4
		"019ad2f4-0c3e-7abc-7def-0123456789ab": -1, // of another variant
		"019AD2F4-0C3E-7ABC-8DEF-0123456789AB": -1,
		"019ad2f4-0c3e-7abc-8def-0123456789a":  -1,
		"019ad2f4-0c3e-7abc-8def-0123456789ag": -1,
		"019ad2f4-0c3e-7abc-8def-01234567-9ab": -1,
		"-19ad2f4-0c3e-7abc-8def-0123456789ab": -1,
		"019ad2f400c3e-7abc-8def-0123456789ab": -1,
		"019ad2f4-0c3e-7abc-8def00123456789ab": -1,
		"":                                     -1,
	} {
		if ms, ok := TimeOf(id); ok != (want >= 0) || ok && ms != want {
			t.Errorf("%q: %d %v, want %d", id, ms, ok, want)
		}
	}
}
