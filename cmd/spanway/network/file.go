package network

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/document"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
)

// declared is an object of a file.
type declared struct {
	object
	message *events.NetworkObject
	file    string
	part    document.Part
}

// mistake is one at a field of the object, such as segment.cidr.
func (d *declared) mistake(field string, code events.Code, text string) mistake {
	at := d.part.Mistake(field, text)
	return mistake{File: d.file, Line: at.Line, Column: at.Column, Path: d.Path, Field: field, Code: code, Text: text}
}

// mostFileBytes bound all files of a call together.
const mostFileBytes = 16 << 20

// read reads the objects of files and directories; - is standard input. What is wrong with any
// of them is among the mistakes of what was read.
func read(cmd *cobra.Command, a *cli.App, names []string) (*reading, error) {
	if len(names) == 0 {
		return nil, cli.Usage("say what to read: -f FILE, -f DIRECTORY, or -f - for standard input")
	}
	var files []string
	for _, name := range names {
		in, err := filesOf(name)
		if err != nil {
			return nil, err
		}
		files = append(files, in...)
	}
	r := &reading{at: map[string]*declared{}, unread: map[string]bool{}, order: map[string]int{}}
	left := mostFileBytes
	for _, name := range files {
		data, told, err := a.Read(cmd.InOrStdin(), name)
		if err != nil {
			return nil, err
		}
		if left -= len(data); left < 0 {
			return nil, cli.Usage("the files have more than %d bytes together: apply them in parts", mostFileBytes)
		}
		r.order[told] = len(r.order)
		r.file(told, data)
	}
	if len(r.all)+len(r.mistakes) == 0 {
		return nil, cli.Usage("%s: there is no object in it", named(names))
	}
	return r, nil
}

// named are the names of files, as errors tell them.
func named(files []string) string {
	out := slices.Clone(files)
	for i, f := range out {
		if f == "-" {
			out[i] = "standard input"
		}
	}
	return strings.Join(out, ", ")
}

// filesOf are the files that a name stands for: those of a directory that may hold documents, by
// name, without what is below it.
func filesOf(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, nil //nolint:nilerr // Reading it tells.
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, cli.Misuse(err)
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(e.Name())) && e.Name()[0] != '.' {
			files = append(files, filepath.Join(name, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, cli.Usage("directory %s has no file whose name ends in .yaml, .yml or .json", name)
	}
	return files, nil
}

// reading is what was read of files.
type reading struct {
	all      []declared
	at       map[string]*declared // by path
	mistakes []mistake
	// unread are the paths of documents that are none of all, for their mistakes.
	unread map[string]bool
	order  map[string]int // of the files
}

// with are the mistakes of what was read, and those that were found in the rest of it, by their
// places. That something is not there which could not be read is none.
func (r *reading) with(found []mistake) []mistake {
	if len(r.mistakes) == 0 {
		return found
	}
	all := slices.Clone(r.mistakes)
	for _, m := range found {
		if m.Code != events.CodeUnknownObject || !r.speaksOfUnread(m.Text) {
			all = append(all, m)
		}
	}
	all = all[:min(len(all), model.MaxMistakes)]
	slices.SortStableFunc(all, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(r.order[a.File], r.order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all
}

func (r *reading) speaksOfUnread(text string) bool {
	for path := range r.unread {
		if slices.Contains(strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == ',' || c == ';' }), path) {
			return true
		}
	}
	return false
}

// file reads the documents of a file.
func (r *reading) file(name string, data []byte) {
	parts, err := document.All(data)
	if err != nil {
		r.wrong(mistake{File: name, Code: events.CodeBadData, Text: err.Error()})
		return
	}
	for _, part := range parts {
		r.part(name, part)
	}
}

func (r *reading) wrong(m mistake) {
	if len(r.mistakes) < model.MaxMistakes {
		r.mistakes = append(r.mistakes, m)
	}
}

func (r *reading) part(name string, part document.Part) {
	if len(r.all) > model.MaxObjects {
		return
	}
	d := declared{file: name, part: part}
	if wrong := part.Decode(&d.object); len(wrong) > 0 {
		path := part.Text("path")
		r.unread[path] = true
		for _, w := range wrong {
			r.wrong(mistake{File: name, Line: w.Line, Column: w.Column, Path: path, Field: w.Path, Code: events.CodeBadData, Text: w.Text})
		}
		return
	}
	if d.Path == "" {
		r.wrong(d.mistake("", events.CodeBadPath, "it has no path, such as path: /networks/shop"))
		return
	}
	if other := r.at[d.Path]; other != nil {
		r.wrong(d.mistake("path", events.CodeTwice, fmt.Sprintf("%s is there twice: at %s, line %d, too", d.Path, other.file, other.part.Line())))
		return
	}
	var err error
	if d.message, err = d.object.message(); err != nil {
		r.unread[d.Path] = true
		r.wrong(d.mistake("", events.CodeBadData, err.Error()))
		return
	}
	if r.all = append(r.all, d); len(r.all) > model.MaxObjects {
		r.wrong(d.mistake("", events.CodeTooLarge, fmt.Sprintf("there are more than %d objects; that is the most of one change: apply them in parts", model.MaxObjects)))
	}
	kept := d
	r.at[d.Path] = &kept
}
