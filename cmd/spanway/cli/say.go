package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Said prints what a command did: as one object, or as a sentence.
func (a *App) Said(object map[string]any, format string, args ...any) error {
	if a.JSON() {
		return a.Object(object)
	}
	return a.Printf(format+"\n", args...)
}

// Hint tells a person, when a command waits for long, why that may be. It ends with stop.
func (a *App) Hint() (stop func()) {
	t := time.AfterFunc(5*time.Second, func() {
		fmt.Fprintln(a.Err, "still waiting: the command is durable, but nothing has answered it yet; does a scheduler run? (spanway serve scheduler)")
	})
	return func() { t.Stop() }
}

// Watching tells a person that nothing will be missed from now on.
func (a *App) Watching() {
	if Terminal(a.Err) {
		fmt.Fprintln(a.Err, "watching; stop with Ctrl-C")
	}
}

// Rewound tells a person that the log has lost what was printed of it.
func (a *App) Rewound(from events.Place) {
	fmt.Fprintf(a.Err, "spanway: the log has lost what stood from %s/%d@%d on; what stands there now comes next\n", from.Topic, from.Partition, from.Offset)
}

// PrintEvent prints an event: as one object, or as a line about a task or an engine.
func (a *App) PrintEvent(e client.Event, about string) error {
	if a.JSON() {
		return a.Object(ViewEvent(e))
	}
	return a.Printf("%-36s  %s\n", about, EventLine(e))
}

// Each does something with every name, also after one failed.
func Each(names []string, do func(string) error) error {
	var all error
	for _, name := range names {
		all = errors.Join(all, do(name))
	}
	return all
}
