package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/spanway/spanway/pkg/cluster"
)

// Connection is the flags that say where commands go. Use it for one call of the
// program, from one goroutine.
type Connection struct {
	flags                  *pflag.FlagSet
	config, context, named string
}

// Flags adds them to those of a command.
func (c *Connection) Flags(f *pflag.FlagSet) {
	c.flags = f
	f.StringVar(&c.config, "config", "", "file with clusters and contexts, in YAML; ~/.config/spanway/config.yaml if none")
	f.StringVar(&c.context, "context", "", "context of that file; its current one if none")
	f.StringVar(&c.named, "cluster", "", "cluster of that file; the context's if none")
	for i := range settings {
		s := &settings[i]
		switch {
		case s.secret:
		case s.boolean:
			f.Bool(s.name, false, s.usage)
		default:
			f.String(s.name, s.otherwise, s.usage)
		}
		if s.duration {
			f.Lookup(s.name).Value = reading{f.Lookup(s.name).Value, readDuration}
		}
	}
	f.VisitAll(func(f *pflag.Flag) {
		declare(f, variable(f.Name))
		f.Annotations[layeredKey] = []string{} // Their variables stand behind what is in layers.
	})
}

// layeredKey is the annotation of the flags of a Connection.
const layeredKey = "spanway_layered"

// Target is where they say that commands go, with the variables and the file, which
// is read for no longer than ctx.
func (c *Connection) Target(ctx context.Context) (Target, error) {
	layers, name, err := c.layers(ctx)
	if err != nil {
		return Target{}, err
	}
	t, err := target(name, layers)
	if err == nil {
		err = halfUser(t.Cluster.SASL)
	}
	if !slices.ContainsFunc(layers[:len(layers)-1], func(l layer) bool { return l.of(brokers) != "" }) {
		t.unplaced, t.byDefault = c.given().of(site), true
	}
	return t, err
}

// Here is what they say to a command that goes nowhere: the file is about other places.
func (c *Connection) Here() (Target, error) {
	return target("", []layer{c.given(), environment, otherwise})
}

// target takes each setting from the first place that has it.
func target(name string, layers []layer) (Target, error) {
	t := Target{Cluster: cluster.Config{Name: name}}
	for i := range settings {
		s := &settings[i]
		for _, l := range layers {
			// The password is one setting, wherever it is.
			if value := l.of(s); value != "" {
				if err := s.apply(&t, value); err != nil {
					return Target{}, fmt.Errorf("%s %q: %w", l.where(s), value, err)
				}
			}
			if l.of(s) != "" || s.password && hasPassword(l) {
				break
			}
		}
	}
	if t.Cluster.SASL.Username != "" && t.Cluster.SASL.Mechanism == "" {
		t.Cluster.SASL.Mechanism = cluster.ScramSHA512
	}
	return t, nil
}

// halfUser is the error of a user without a password, or the other way round, as
// settings are called here.
func halfUser(s cluster.SASL) error {
	secret := s.Password != "" || s.PasswordFile != ""
	switch {
	case s.Username != "" && !secret:
		return Usage("user %q (--user, SPANWAY_USER) has no password: give --password-file (SPANWAY_PASSWORD_FILE), or SPANWAY_PASSWORD", s.Username)
	case s.Username == "" && secret:
		return Usage("a password is given (--password-file, SPANWAY_PASSWORD_FILE, SPANWAY_PASSWORD) and no user: give --user (SPANWAY_USER)")
	case s.Password != "" && s.PasswordFile != "":
		return Usage("the password is given twice: give either --password-file (SPANWAY_PASSWORD_FILE) or SPANWAY_PASSWORD")
	}
	return nil
}

// hasPassword reports whether a place says what the password is, in either way.
func hasPassword(l layer) bool {
	for i := range settings {
		if s := &settings[i]; s.password && l.of(s) != "" {
			return true
		}
	}
	return false
}

// layer is a place where settings come from.
type layer struct {
	of    func(*setting) string // empty: not from here
	where func(*setting) string
}

// given are the flags that were.
func (c *Connection) given() layer {
	return layer{
		of: func(s *setting) string {
			if f := c.flags.Lookup(s.name); f != nil && f.Changed {
				return f.Value.String()
			}
			return ""
		},
		where: func(s *setting) string { return "--" + s.name },
	}
}

var environment = layer{
	of:    func(s *setting) string { return os.Getenv(variable(s.name)) },
	where: func(s *setting) string { return variable(s.name) },
}

var otherwise = layer{
	of:    func(s *setting) string { return s.otherwise },
	where: func(s *setting) string { return "the default of --" + s.name },
}

// layers are the places, the first one first, and the name of the cluster in the file.
func (c *Connection) layers(ctx context.Context) ([]layer, string, error) {
	flag := c.given()
	context, byContext := first(c.context, "context", "")
	named, byCluster := first(c.named, "cluster", "")
	path, pathNamed := first(c.config, "config", defaultPath())
	aside := !byContext && !byCluster && (flag.of(brokers) != "" || environment.of(brokers) != "")
	if aside && !pathNamed {
		return []layer{flag, environment, otherwise}, "", nil // the file is about other brokers
	}
	f, err := readFile(ctx, path, pathNamed)
	if err != nil {
		return nil, "", err
	}
	if aside { // A file that is named must be good, even if it is about other brokers.
		return []layer{flag, environment, otherwise}, "", nil
	}
	bySite := false
	if !byContext && !byCluster {
		if context, err = f.ofSite(cmp.Or(flag.of(site), environment.of(site))); err != nil {
			return nil, "", err
		}
		bySite = context != "" && flag.of(site) != ""
	}
	chosen, name, at, err := f.choose(context, named)
	if err != nil {
		return nil, "", c.blame(err, byContext, byCluster)
	}
	filed := layer{
		of:    func(s *setting) string { return s.file(chosen, at) },
		where: func(s *setting) string { return fmt.Sprintf("%s of cluster %q in %s", s.name, name, f.path) },
	}
	if c.context != "" || c.named != "" || bySite {
		return []layer{flag, filed, environment, otherwise}, name, nil
	}
	return []layer{flag, environment, filed, otherwise}, name, nil
}

// blame says of an error of the choice where that came from, if it was made.
func (c *Connection) blame(err error, byContext, byCluster bool) error {
	for _, by := range []struct {
		chosen     bool
		flag, name string
	}{{byContext && strings.HasPrefix(err.Error(), "context"), c.context, "context"}, {byCluster, c.named, "cluster"}} {
		switch {
		case by.chosen && by.flag != "":
			return fmt.Errorf("--%s: %w", by.name, err)
		case by.chosen:
			return fmt.Errorf("%s: %w", variable(by.name), err)
		}
	}
	return err
}

// first is a flag's value, else that of its variable, else the default; named says
// that it is not the default.
func first(flag, name, otherwise string) (value string, named bool) {
	if flag != "" {
		return flag, true
	}
	if v := os.Getenv(variable(name)); v != "" {
		return v, true
	}
	return otherwise, false
}
