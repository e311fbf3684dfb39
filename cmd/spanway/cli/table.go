package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spanway/spanway/cmd/spanway/render"
)

// widest is how wide a column becomes: what is longer takes more room in its own row
// alone, and is not cut.
const widest = 40

// Table aligns columns. A cell may carry colour, which takes no width.
type Table struct {
	Head []string
	Rows [][]Cell
}

// Cell is a text, and its colour or none.
type Cell struct{ text, colour string }

// Marked is a cell that is marked for a person. Cells are cleaned for a terminal.
func Marked(text, colour string) Cell { return Cell{render.Clean(text), colour} }

// Plain is a cell without colour.
func Plain(v any) Cell { return Marked(fmt.Sprint(v), "") }

func (c Cell) width() int { return utf8.RuneCountInString(c.text) }

// Add adds a row, of as many cells as there are heads.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// Table prints a table.
func (a *App) Table(t *Table) error {
	head := make([]Cell, len(t.Head))
	for i, h := range t.Head {
		head[i] = Marked(h, render.Bold)
	}
	rows := append([][]Cell{head}, t.Rows...)
	widths := make([]int, len(t.Head))
	for _, row := range rows {
		for i, c := range row {
			if w := c.width(); w <= widest {
				widths[i] = max(widths[i], w)
			}
		}
	}
	for _, row := range rows {
		if err := a.Printf("%s\n", a.line(row, widths)); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) line(row []Cell, widths []int) (line render.Safe) {
	for i, c := range row {
		space := ""
		if i < len(row)-1 {
			space = strings.Repeat(" ", max(0, widths[i]-c.width())+2)
		}
		if c.colour == "" {
			line = render.Sprintf("%s%s%s", line, c.text, space)
		} else {
			line = render.Sprintf("%s%s%s", line, a.Colour(c.colour, c.text), space)
		}
	}
	return line
}
