// Package command is the payload of a task of kind exec: which command to run,
// and how. It is pure, so that clients make what the stand-alone engine reads.
//
// It owns no topic and keeps no state. As JSON:
//
//	{"command":["sha256sum","file"],"env":{"LC_ALL":"C"},"dir":"/data","stdin":"text"}
package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Kind of the tasks that carry a Spec.
const Kind = "exec"

// Spec says which command to run. It is run as it stands: no shell reads it.
type Spec struct {
	// Command is the name of a command that the engine allows, and its
	// arguments.
	Command []string `json:"command"`
	// Env is the command's whole environment, but for PATH, which is the
	// engine's unless it is given here.
	Env map[string]string `json:"env,omitempty"`
	// Dir is the working directory and must exist; the engine's own if empty.
	Dir string `json:"dir,omitempty"`
	// Stdin is what the command reads from its standard input.
	Stdin string `json:"stdin,omitempty"`
}

// Parse reads a payload. A field that is not known is refused rather than
// ignored: it would not do what was asked.
func Parse(payload []byte) (Spec, error) {
	var s Spec
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Spec{}, fmt.Errorf(`read the payload as {"command":["NAME","ARG"],"env":{},"dir":"","stdin":""}: %w`, err)
	}
	if d.More() {
		return Spec{}, fmt.Errorf("read the payload: something follows the JSON object: send one object")
	}
	return s, s.Validate()
}

// Validate says what no engine could run.
func (s Spec) Validate() error {
	if len(s.Command) == 0 || s.Command[0] == "" {
		return fmt.Errorf("the command is empty: name one, such as [\"sha256sum\",\"FILE\"]")
	}
	for i, arg := range s.Command {
		if strings.ContainsRune(arg, 0) {
			return fmt.Errorf("argument %d of the command, %q, contains a zero byte: remove it", i, arg)
		}
	}
	for name, value := range s.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return fmt.Errorf("env %q=%q: use a name without = and no zero bytes", name, value)
		}
	}
	if strings.ContainsRune(s.Dir, 0) {
		return fmt.Errorf("dir %q contains a zero byte: remove it", s.Dir)
	}
	return nil
}

// Payload is the Spec as JSON.
func (s Spec) Payload() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the command as JSON: %w", err)
	}
	return b, nil
}

// Environ is the environment as a process takes it, sorted, with the given PATH
// unless it names its own.
func (s Spec) Environ(path string) []string {
	out := make([]string, 0, len(s.Env)+1)
	for name, value := range s.Env {
		out = append(out, name+"="+value)
	}
	if _, ok := s.Env["PATH"]; !ok {
		out = append(out, "PATH="+path)
	}
	slices.Sort(out)
	return out
}
