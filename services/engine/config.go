package engine

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/engine/monitor"
	"github.com/spanway/spanway/services/engine/call"
)

// Config of a stand-alone engine.
type Config struct {
	// Engine is how it shows itself to the scheduler. ID is the host's name if
	// it is empty.
	Engine engine.Config
	// Allow are the commands that exec may run. A name allows a program with any
	// arguments, several words that command alone, as it stands: "spanway version". Names
	// that are not in PATH are an error. Without any the engine does not handle that kind:
	// who may submit could do, with a program that reads files, all that the engine may.
	Allow []string
	// HTTPAllow are the prefixes of URLs to which tasks of kind http may send, as
	// package call reads them. Without any the engine does not handle that kind.
	HTTPAllow []string
	// Handlers are of further kinds of tasks, which take precedence; may be nil.
	Handlers map[string]engine.Handler
	// By are kinds of tasks that commands carry out, besides; may be nil.
	By map[string]By
	// Monitor is what is measured as used, unless Engine has a monitor of its own:
	// monitor.Best if it is empty, or MonitorOff. Nothing is measured if the
	// engine offers neither cpu_millis nor memory_bytes.
	Monitor monitor.Source
}

// By has a command carry out the tasks of a kind.
type By struct {
	// Command is its name, without a directory, and its arguments; it need not be among Allow.
	Command string
	// Give says what the command is given of a task: its environment and its standard input. An
	// error is final.
	Give func(*engine.Task) (env map[string]string, stdin string, err error)
}

// MonitorOff measures nothing.
const MonitorOff monitor.Source = "off"

// CheckCommand is the error of a text that says of no command that kind exec may run it.
func CheckCommand(entry string) error {
	words := strings.Fields(entry)
	if len(words) == 0 || strings.ContainsRune(words[0], filepath.Separator) {
		return errors.New(`give the names of commands, without directories, or whole commands such as "spanway version"`)
	}
	return nil
}

// Validate says what is wrong with the configuration and how to mend it.
func (c *Config) Validate() error {
	for _, entry := range c.Allow {
		if err := CheckCommand(entry); err != nil {
			return fmt.Errorf("engine config: Allow contains %q: %w", entry, err)
		}
	}
	for kind, by := range c.By {
		if err := CheckCommand(by.Command); err != nil {
			return fmt.Errorf("engine config: By: the command of %s is %q: %w", kind, by.Command, err)
		}
	}
	if _, err := call.NewAllowed(c.HTTPAllow); err != nil {
		return fmt.Errorf("engine config: HTTPAllow: %w", err)
	}
	if s := c.Monitor; !slices.Contains([]monitor.Source{"", monitor.Best, monitor.Process, monitor.Cgroup, MonitorOff}, s) {
		return fmt.Errorf("engine config: Monitor is %q: use %q, %q, %q or %q", s, monitor.Best, monitor.Process, monitor.Cgroup, MonitorOff)
	}
	e, err := c.withHost()
	if err != nil {
		return err
	}
	return e.Validate()
}

// withHost names the engine and its node after the host, if they have no names.
func (c *Config) withHost() (engine.Config, error) {
	e := c.Engine
	if e.ID != "" && e.Node != "" {
		return e, nil
	}
	host, err := os.Hostname()
	if err != nil && e.ID == "" {
		return e, fmt.Errorf("engine config: ID is empty and the host's name cannot be read: give the engine an ID: %w", err)
	}
	e.ID, e.Node = cmp.Or(e.ID, host), cmp.Or(e.Node, host)
	return e, nil
}

// monitor is what measures the use of what the engine offers; nil if nothing does.
func (c *Config) monitor() (engine.Monitor, error) {
	offers := func(name string) bool { _, ok := c.Engine.Allocatable[name]; return ok }
	if c.Engine.Monitor != nil || c.Monitor == MonitorOff || !offers(monitor.CPU) && !offers(monitor.Memory) {
		return c.Engine.Monitor, nil
	}
	m, err := monitor.New(cmp.Or(c.Monitor, monitor.Best))
	if err != nil {
		return nil, fmt.Errorf("engine config: Monitor: %w", err)
	}
	return m, nil
}

// resolve finds the commands that may run, once: what PATH means later does
// not matter.
func (c *Config) resolve() (allowed, error) {
	all := make(allowed, len(c.Allow))
	for _, entry := range slices.Sorted(slices.Values(c.Allow)) {
		words := strings.Fields(entry)
		name := words[0]
		path, err := exec.LookPath(name)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return nil, fmt.Errorf("engine config: Allow names %q: install it, or leave it out: %w", name, err)
		}
		all.add(words, path)
	}
	return all, nil
}
