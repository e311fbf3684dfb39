package compare_test

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Whatever a copy keeps of a record changes its hash; provenance does not.
func TestHash(t *testing.T) {
	type headers = []events.Header
	all := map[string]events.Record{
		"null":              {},
		"empty key":         {Key: []byte{}},
		"empty value":       {Value: []byte{}},
		"key":               {Key: []byte("a")},
		"value":             {Value: []byte("a")},
		"timestamp":         {Timestamp: 1},
		"null header":       {Headers: headers{{Key: "h"}}},
		"empty header":      {Headers: headers{{Key: "h", Value: []byte{}}}},
		"header":            {Headers: headers{{Key: "h", Value: []byte("a")}}},
		"its name":          {Headers: headers{{Key: "ha", Value: []byte{}}}},
		"twice":             {Headers: headers{{Key: "h"}, {Key: "h"}}},
		"order":             {Headers: headers{{Key: "h"}, {Key: "i"}}},
		"the other order":   {Headers: headers{{Key: "i"}, {Key: "h"}}},
		"value of a header": {Headers: headers{{Key: "h"}}, Value: []byte("h")},
	}
	seen := map[uint64]string{}
	for name, r := range all {
		c := copyOf(r, 1, 9)
		for origin := range int64(2) {
			hash := compare.Hash(&r, origin)
			if other := seen[hash]; other != "" {
				t.Errorf("%s at %d has the hash of %s", name, origin, other)
			}
			seen[hash] = name
			if compare.Hash(&c, origin) != hash {
				t.Errorf("the copy of %s has another hash", name)
			}
		}
	}
}
