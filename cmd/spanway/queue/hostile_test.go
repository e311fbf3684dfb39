package queue

import (
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

func TestHostileQueues(t *testing.T) {
	clitest.Withstands(t, func(a *cli.App, v queueView) { printTable(a, []queueView{v}) })
	clitest.Withstands(t, func(a *cli.App, v queueView) { printQueue(a, v) })
	clitest.Withstands(t, func(a *cli.App, v entryView) { _ = listing{payloads: true}.printEntry(a, v) })
	clitest.Withstands(t, func(a *cli.App, v entryView) { printEntry(a, v) })
	clitest.Withstands(t, func(a *cli.App, v claimedView) { printClaims(a, []claimedView{v}) })
	clitest.Withstands(t, func(a *cli.App, v changeView) { printChange(a, v) })
}
