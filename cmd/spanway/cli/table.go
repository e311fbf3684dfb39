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

// within is the cell, or as much of it as so many columns have room for.
func (c Cell) within(columns int) Cell {
	if c.width() > columns {
		c.text = string([]rune(c.text)[:max(0, columns-1)])
		if columns > 0 {
			c.text += "…"
		}
	}
	return c
}

// Add adds a row, of as many cells as there are heads.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// Table prints a table. On a terminal each row is within its width: what is longer is cut.
func (a *App) Table(t *Table) error {
	rows, widths := t.laidOut()
	columns, _ := a.Width() // 0 where there is no terminal.
	for _, row := range rows {
		if err := a.Printf("%s\n", a.line(row, widths, columns)); err != nil {
			return err
		}
	}
	return nil
}

// Redraw prints a table in the place of the one before, on a terminal of so many columns
// and lines, each line within them: what is longer is cut, and how many rows there was no
// line for is said. What is not covered is erased, so that nothing flickers.
func (a *App) Redraw(t *Table, note string, columns, lines int) error {
	for _, row := range t.Rows { // One that is long must not put the others out of line.
		for i := range row[:len(row)-1] {
			row[i] = row[i].within(widest)
		}
	}
	rows, widths := t.laidOut()
	shown := rows
	if lines > 0 { // The note has one, too.
		shown = rows[:min(len(rows), max(1, lines-1))]
	}
	if err := a.Printf("\x1b[H"); err != nil {
		return err
	}
	for _, row := range shown {
		if err := a.Printf("%s\x1b[K\n", a.line(row, widths, columns)); err != nil {
			return err
		}
	}
	if more := len(rows) - len(shown); more > 0 {
		note = fmt.Sprintf("%d more, %s", more, note)
	}
	return a.Printf("%s\x1b[J", a.line([]Cell{Marked(note, render.Dim)}, widths, columns))
}

// laidOut are the head and the rows, and how wide columns are.
func (t *Table) laidOut() (rows [][]Cell, widths []int) {
	head := make([]Cell, len(t.Head))
	for i, h := range t.Head {
		head[i] = Marked(h, render.Bold)
	}
	rows = append([][]Cell{head}, t.Rows...)
	widths = make([]int, len(t.Head))
	for _, row := range rows {
		for i, c := range row {
			if w := c.width(); w <= widest {
				widths[i] = max(widths[i], w)
			}
		}
	}
	return rows, widths
}

// line is a row of a table, within so many columns; 0: as long as it is.
func (a *App) line(row []Cell, widths []int, columns int) (line render.Safe) {
	left := columns
	for i, c := range row {
		if columns > 0 {
			if c = c.within(left); c.text == "" {
				return line
			}
			left -= max(widths[i], c.width()) + 2
		}
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
