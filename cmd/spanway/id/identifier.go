package id

import (
	"fmt"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
)

// printIdentifier prints who holds an identifier, since which event, and what was before.
func printIdentifier(a *cli.App, i *query.Identifier) error {
	if a.JSON() {
		return a.Object(i)
	}
	err := a.Printf("%s/%s  %s\n", i.Space, a.Colour(render.Bold, fmt.Sprint(i.ID)), i.Range.State)
	fields := [][2]string{{"range", fmt.Sprintf("%d to %d", i.Range.From, i.Range.To)}}
	if i.Range.RequestID != "" {
		fields = append(fields, [2]string{"grant", i.Range.RequestID}, [2]string{"owner", cli.Dash(i.Range.Owner)}, [2]string{"since", fmt.Sprintf("offset %d", i.Range.Since)})
	}
	if i.Range.Until != "" {
		fields = append(fields, [2]string{"until", i.Range.Until})
	}
	for _, f := range fields {
		if err == nil {
			err = a.Printf("  %-6s %s\n", f[0], f[1])
		}
	}
	if len(i.History) > 0 && err == nil {
		err = a.Printf("  %10s  %-10s  %s\n", "OFFSET", "BECAME", "BY")
	}
	for _, e := range i.History {
		if err == nil {
			err = a.Printf("  %10d  %-10s  %s %s %s\n", e.Offset, e.State, e.Type, e.RequestID, e.Owner)
		}
	}
	if err != nil {
		return err
	}
	return a.AsOf(i.AsOf.String())
}
