package events

import (
	"strings"
	"testing"
)

// Who misspells a field learns which one, and what may have been meant.
func TestUnknownFieldIsNamedWithTheNearest(t *testing.T) {
	for data, want := range map[string]string{
		`{"kind":"x","predicat":"true"}`:            `TaskRequested has no field "predicat"; the nearest known are predicate, `,
		`{"kind":"x","retry":{"max_atempts":3}}`:    `no field "max_atempts"; the nearest known are retry.maxAttempts, `,
		`{"kind":"x","EXECUTION-TIMEOUT":"1s"}`:     `no field "EXECUTION-TIMEOUT"; the nearest known are executionTimeout, `,
		`{"` + strings.Repeat("x", 10_000) + `":1}`: `; the nearest known are `,
	} {
		_, _, err := Decode(&Record{Value: []byte(data), Headers: []Header{
			{HeaderSpecVersion, []byte("1.0")}, {HeaderID, []byte("1")}, {HeaderSource, []byte("/")},
			{HeaderType, []byte(TypeTaskRequested)}, {HeaderContentType, []byte(ContentJSON)},
		}})
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("Decode of %.80s returns %.400v; want %q", data, err, want)
		}
	}
}
