package log

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/events"
)

func TestHostileRecords(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, v recordView) {
		v.Headers[events.HeaderType] = v.Topic
		a.Printf("%s\n", recordLine(v))
	})
	clitest.Withstands(t, func(a *cli.App, r events.Record) { a.Pretty(viewRecord("topic", 1, &r)) })
	clitest.Withstands(t, func(a *cli.App, v deadView) { printDead(a, []deadView{v}) })
	clitest.Withstands(t, func(a *cli.App, v deadView) {
		v.Refused = nil
		printReplay(a, v)
	})
}
