package principal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/keyfile"
	"github.com/spanway/spanway/pkg/events"
)

// declarations are what a file holds.
type declarations struct {
	Principals []declaration `json:"principals"`
}

// declaration is one principal.
type declaration struct {
	User string `json:"user"`
	// PasswordFile makes the user; without one it is there already, or has a certificate.
	PasswordFile string        `json:"password-file"`
	Roles        []events.Role `json:"roles"`
	// Copies are topics that are copied, and Queues those that are used; a * at the end
	// means all whose names begin so.
	Copies []string `json:"copies"`
	Queues []string `json:"queues"`
}

// rights are what the principal needs for its roles.
func (d *declaration) rights(prefix string) (rights []kafka.Right) {
	of := events.Topics{Prefix: prefix}
	chosen := events.Chosen{Queues: patterns(d.Queues), Copies: patterns(d.Copies)}
	for i, p := range chosen.Copies {
		if p.Prefixed && p.Name == "" {
			chosen.Copies[i] = events.Pattern{Name: "*"} // The brokers take it for all there are.
		}
	}
	for _, role := range d.Roles {
		for _, acl := range of.ACLs(role, chosen) {
			if r := (kafka.Right{Principal: "User:" + d.User, ACL: acl}); !slices.Contains(rights, r) {
				rights = append(rights, r)
			}
		}
	}
	return rights
}

// patterns are names, of which those with a * at the end are what others begin with.
func patterns(names []string) (all []events.Pattern) {
	for _, name := range names {
		begin, prefixed := strings.CutSuffix(name, "*")
		all = append(all, events.Pattern{Name: begin, Prefixed: prefixed})
	}
	return all
}

// check says what is wrong with it.
func (d *declaration) check() error {
	if d.User == "" {
		return errors.New("it has no user")
	}
	if err := cli.CheckName("user", d.User); err != nil {
		return err
	}
	if slices.Contains(slices.Concat(d.Copies, d.Queues), "") {
		return errors.New("an empty name stands in its copies or queues")
	}
	for _, role := range d.Roles {
		switch {
		case !slices.Contains(events.Roles(), role):
			return fmt.Errorf("there is no role %.99q: give some of %v", role, events.Roles())
		case strings.HasPrefix(string(role), "queue-") && len(d.Queues) == 0:
			return fmt.Errorf("the role %s needs queues", role)
		case strings.HasPrefix(string(role), "replicator") && len(d.Copies) == 0:
			return fmt.Errorf("the role %s needs copies", role)
		}
	}
	if len(d.Roles) == 0 && d.PasswordFile == "" {
		return errors.New("it has neither roles nor a password-file")
	}
	return nil
}

// read reads a file; paths in it begin where it is.
func read(cmd *cobra.Command, a *cli.App, path string) (all declarations, err error) {
	name, err := a.Document(cmd.InOrStdin(), path, &all)
	if err != nil {
		return all, err
	}
	if len(all.Principals) == 0 {
		return all, cli.Usage("%s has no principals", name)
	}
	seen := map[string]bool{}
	for i := range all.Principals {
		d := &all.Principals[i]
		if err := d.check(); err != nil {
			return all, cli.Usage("%s: principal %.99q: %w", name, d.User, err)
		}
		if seen[d.User] {
			return all, cli.Usage("%s has principal %.99q twice: leave one of them out", name, d.User)
		}
		seen[d.User] = true
		if d.PasswordFile != "" && !filepath.IsAbs(d.PasswordFile) && path != "-" {
			d.PasswordFile = filepath.Join(filepath.Dir(path), d.PasswordFile)
		}
	}
	return all, nil
}

// logins are the users that have a password file.
func (all *declarations) logins() (logins []kafka.Login, err error) {
	for _, d := range all.Principals {
		if d.PasswordFile == "" {
			continue
		}
		password, err := keyfile.Password(d.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read the password of user %s: %w", d.User, err)
		}
		logins = append(logins, kafka.Login{User: d.User, Password: password})
	}
	return logins, nil
}
