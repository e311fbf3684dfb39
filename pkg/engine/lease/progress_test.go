package lease

import "testing"

// These scenes tell when progress is reported: once a second at most.
func TestProgressScenes(t *testing.T) {
	for name, play := range map[string]func(t *testing.T){
		"the newest in a second wins": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2))
			s.progress(1, "a")
			s.wait(50, true)
			s.progress(1, "b")
			s.progress(2, "x")
			s.progress(1, "c")
			s.says("start 1", "start 2", "progress 1 a", "progress 2 x")
			s.wait(949, true)
			s.says("started 1", "started 2")
			s.wait(1, true)
			s.says("progress 1 c")
			s.progress(1, "d")
			s.wait(1000, true)
			s.says("progress 1 d")
		},
		"who was quiet for a second is reported at once": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.progress(1, "a")
			s.wait(1000, true)
			s.progress(1, "")
			s.says("start 1", "progress 1 a", "started 1", "progress 1")
		},
		"the end makes void what was not reported yet": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.progress(1, "a")
			s.progress(1, "b")
			s.finish(1, succeeded)
			s.wait(2000, true)
			s.progress(1, "c")
			s.says("start 1", "progress 1 a", "SUCCEEDED 1", "no progress 1")
		},
		"a lost lease makes it void": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.progress(1, "a")
			s.progress(1, "b")
			s.read(lost("i1"))
			s.heard(s.h.Register(s.now, "i2", 0))
			s.wait(1500, true)
			s.progress(1, "c")
			s.says("start 1", "progress 1 a", "stop 1 lost", "register anew",
				"register i2 from 13", "register i2 from 13", "no progress 1")
		},
	} {
		t.Run(name, play)
	}
}
