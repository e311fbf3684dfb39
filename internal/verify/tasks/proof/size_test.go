package proof

import (
	"flag"
	"os"
	"testing"
)

// The size of the story, and the least that there must be of the rarer events.
var manyEngines, manyTasks, few = 1_000, 50_000, 10

// With -short the story is smaller, as make test runs it.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		manyEngines, manyTasks, few = 200, 4_000, 1
	}
	os.Exit(m.Run())
}
