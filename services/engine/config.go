package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/engine"
)

// Config of a stand-alone engine.
type Config struct {
	// Engine is how it shows itself to the scheduler. ID is the host's name if
	// it is empty.
	Engine engine.Config
	// Allow are the commands that exec may run, by name; DefaultAllow if nil.
	// Names that are not in PATH are an error, but for those of DefaultAllow.
	Allow []string
}

// DefaultAllow are commands that do no harm.
func DefaultAllow() []string {
	return []string{"true", "false", "cat", "sleep", "sha256sum", "gzip"}
}

// Validate says what is wrong with the configuration and how to mend it.
func (c *Config) Validate() error {
	for _, name := range c.Allow {
		if name == "" || strings.ContainsRune(name, filepath.Separator) {
			return fmt.Errorf("engine config: Allow contains %q: give the names of commands, without directories", name)
		}
	}
	e, err := c.withID()
	if err != nil {
		return err
	}
	return e.Validate()
}

func (c *Config) withID() (engine.Config, error) {
	e := c.Engine
	if e.ID != "" {
		return e, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return e, fmt.Errorf("engine config: ID is empty and the host's name cannot be read: give the engine an ID: %w", err)
	}
	e.ID = host
	return e, nil
}

// resolve finds the commands that may run, once: what PATH means later does
// not matter.
func (c *Config) resolve() (map[string]string, error) {
	allow := c.Allow
	if allow == nil {
		allow = DefaultAllow()
	}
	paths := make(map[string]string, len(allow))
	for _, name := range slices.Sorted(slices.Values(allow)) {
		path, err := exec.LookPath(name)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		switch {
		case err == nil:
			paths[name] = path
		case c.Allow != nil || !errors.Is(err, exec.ErrNotFound):
			return nil, fmt.Errorf("engine config: Allow names %q: install it, or leave it out: %w", name, err)
		}
	}
	return paths, nil
}
