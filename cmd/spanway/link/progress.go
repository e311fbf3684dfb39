package link

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spanway/spanway/cmd/spanway/render"
)

// progress is the state for people: while a snapshot is copied or waits, with how many of
// all partitions have come to the end of theirs.
func (v *linkView) progress() string {
	text := v.State
	if text == "snapshot" || text == "waiting" {
		text = fmt.Sprintf("%s (%d of %d)", v.State, v.Copies-v.Snapshots, v.Copies)
	}
	if v.ails() && v.State != "stopped" && v.State != "failed" {
		text += ", not all"
	}
	return text
}

// ails says that some of what the link chooses is not copied.
func (v *linkView) ails() bool { return v.Stopped+v.Failed+v.FailedTopics > 0 }

// partitions tells how many there are, and how they stand.
func (v *linkView) partitions() string {
	wait := ""
	if v.Waiting > 0 {
		wait = fmt.Sprintf(" (%d of them wait)", v.Waiting)
	}
	text := fmt.Sprintf("%s: %d in their snapshot%s, %d stopped", render.Count(int(v.Copies), "partition", "partitions"), v.Snapshots, wait, v.Stopped)
	if v.Failed > 0 {
		text += fmt.Sprintf(", %d failed", v.Failed)
	}
	if v.FailedTopics > 0 {
		text += fmt.Sprintf("; %s not copied (see the problems)", render.Count(int(v.FailedTopics), "topic is", "topics are"))
	}
	return text
}

// reasons are the reason of the state, the codes of the problems, and that it copies without a
// fence, each once.
func (v *linkView) reasons() string {
	var all []string
	add := func(code string) {
		if code != "" && !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	add(v.Reason)
	for _, p := range v.Problems {
		add(p.Code)
	}
	if v.Unfenced {
		add("unfenced")
	}
	return strings.Join(all, ", ")
}

// colour of the link's state: that of what is worst.
func (v *linkView) colour() string {
	of := colour(v.State)
	switch {
	case v.ails():
		return render.Red
	case of == render.Green && len(v.Problems) > 0:
		return render.Yellow
	}
	return of
}
