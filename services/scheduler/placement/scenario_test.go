package placement

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into their files")

// TestScenarios plays testdata/*.txt. A scenario is a list of commands, each
// followed by ---- and, indented, what happened. Lines that begin with # are comments.
// Change a golden line only if you understand why it changed.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayer(t)
	got := p.play(string(text))
	if a, b := p.state.Hash(), p.replica.Hash(); a != b {
		t.Errorf("the state that decided has hash %x, the one that only folded %x", a, b)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(text) {
		t.Errorf("%s: what happened differs; go test -run Scenarios -rewrite, then look at the difference\n%s", file, got)
	}
}

type player struct {
	*world
	out    strings.Builder
	silent map[string]bool
	// there is another site, made when it is needed.
	there *player
}

func newPlayer(t *testing.T) *player {
	p := &player{world: newWorld(t, Config{KeepSucceeded: true}), silent: map[string]bool{}}
	p.onEvent = func(l events.Logged) { fmt.Fprintf(&p.out, "  %s\n", narrate(l)) }
	return p
}

// play runs every command and gives the file as it should be.
func (p *player) play(text string) string {
	var file strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "----" || strings.HasPrefix(line, "  "): // What happened last time.
		case line == "" || strings.HasPrefix(line, "#"):
			file.WriteString(line + "\n")
		default:
			file.WriteString(line + "\n----\n" + p.run(line))
		}
	}
	return file.String()
}

func (p *player) run(line string) string {
	p.out.Reset()
	words := splitWords(line)
	args := parseArgs(words[1:])
	if words[0] == "there" {
		return p.atOther(line)
	}
	command, ok := commands[words[0]]
	if !ok {
		p.tb.Fatalf("no command %q", words[0])
	}
	command(p, args)
	p.advance()
	if p.out.Len() == 0 {
		return "  nothing happens\n"
	}
	return p.out.String()
}

// tick lets time pass in steps of 200 ms; every second, engines that are not
// silent send a heartbeat.
func (p *player) tick(d time.Duration) {
	const step = 200
	for range d.Milliseconds() / step {
		p.now += step
		if p.now%1000 == 0 && p.state.pools[blue] != nil {
			for _, e := range p.state.pools[blue].known {
				if e.present() && !p.silent[e.id] {
					p.heartbeat(e.id)
				}
			}
		}
		p.advance()
	}
}

// args are the words after a command: plain ones in order, and key=value.
type args struct {
	plain []string
	named map[string]string
	order []string
}

func (a args) at(i int) string {
	if i < len(a.plain) {
		return a.plain[i]
	}
	return ""
}

// parseArgs also reads `where "..."` as where=..., and so with prefer and accepts.
func parseArgs(words []string) args {
	a := args{named: map[string]string{}}
	for i := 0; i < len(words); i++ {
		if name := words[i]; (name == "where" || name == "prefer" || name == "accepts") && i+1 < len(words) {
			i++
			if a.named[name] = words[i]; name != "where" {
				a.order = append(a.order, name)
			}
			continue
		}
		name, value, ok := strings.Cut(words[i], "=")
		if !ok {
			a.plain = append(a.plain, words[i])
			continue
		}
		a.named[name] = value
		a.order = append(a.order, name)
	}
	return a
}

// splitWords cuts at spaces, but not within double quotes.
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	quoted, empty := false, false
	for _, r := range line {
		switch {
		case r == '"':
			quoted, empty = !quoted, true
		case r == ' ' && !quoted:
			if empty || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			empty = false
		default:
			word.WriteRune(r)
		}
	}
	if empty || word.Len() > 0 {
		words = append(words, word.String())
	}
	return words
}
