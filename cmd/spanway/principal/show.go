package principal

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// shown is a principal as show prints it; the names are stable.
type shown struct {
	Principal  string     `json:"principal"`
	Mechanisms []string   `json:"mechanisms"`
	Rights     []heldView `json:"rights"`
	// Extra and Missing are counted where there is something to compare with.
	Extra   *int `json:"extra,omitempty"`
	Missing *int `json:"missing,omitempty"`
}

// heldView is a right that the principal has, or lacks.
type heldView struct {
	rightView
	Host string `json:"host"`
	// State is needed, extra, missing or denies; empty if there is nothing to compare with.
	State string `json:"state,omitempty"`
}

func viewRight(r events.ACL) rightView {
	return rightView{r.Operation, string(r.Resource), r.Name, r.Prefixed}
}

// differs is the error of rights that are not those of the role.
type differs struct{ said string }

func (e *differs) Error() string { return e.said }

// ExitCode implements what package cli asks of errors.
func (e *differs) ExitCode() int { return cli.ExitRefused }

func show(a *cli.App) *cobra.Command {
	var d declaration
	var file string
	var of []string
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show the rights of a principal, beside those that its roles need",
		Long: `Show the rights that a user has on the cluster. With --role, or with a file as apply
takes it, each is compared with what the roles need: it is needed, extra, or missing;
the exit code is 1 if one is extra or missing. A right that is wider than one that is
needed is extra, and nothing is missing for it. Super users may do everything without
rights. It takes Describe on the cluster.`,
		Example: `  spanway principal show scheduler-ams --role scheduler
  spanway principal show shop --role client,queue-user --queue orders
  spanway principal show replicator-ams -f deploy/secure/principals-ams.yaml`,
		Args: cli.One("name of a principal"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d.User = strings.TrimPrefix(args[0], userType)
			for _, role := range of {
				d.Roles = append(d.Roles, events.Role(role))
			}
			if err := d.against(cmd, a, file); err != nil {
				return err
			}
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
				held, err := c.Kafka().GrantedTo(ctx, userType+d.User)
				if err != nil {
					return err
				}
				users, err := c.Kafka().Users(ctx, []string{d.User})
				if err != nil {
					return err
				}
				mechanisms, known := users[d.User]
				if !known && len(held) == 0 {
					return &differs{fmt.Sprintf("UNKNOWN_PRINCIPAL: %s has neither a password nor a right here; super users may have neither: spanway principal list", userType+d.User)}
				}
				return d.print(a, held, mechanisms)
			})
		},
	}
	c.Flags().StringVarP(&file, "filename", "f", "", "file with principals, as apply takes it; - for standard input")
	c.Flags().StringSliceVar(&of, "role", nil, "roles of which it is to have the rights")
	c.Flags().StringSliceVar(&d.Queues, "queue", nil, "queues that it uses; a * at the end means all whose names begin so")
	c.Flags().StringSliceVar(&d.Copies, "copy", nil, "topics that it copies; a * at the end means all whose names begin so")
	return c
}

// against takes what to compare with from the file, if there is one, and checks it.
func (d *declaration) against(cmd *cobra.Command, a *cli.App, file string) error {
	given := len(d.Roles)+len(d.Queues)+len(d.Copies) > 0
	switch {
	case file != "" && given:
		return cli.Usage("give -f, or --role with --queue and --copy")
	case file != "":
		all, err := read(cmd, a, file)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all.Principals, func(p declaration) bool { return p.User == d.User })
		if i < 0 {
			return cli.Usage("%s has no principal %.99q", file, d.User)
		}
		*d = all.Principals[i]
	case given && len(d.Roles) == 0:
		return cli.Usage("--queue and --copy are of roles: give --role")
	case given:
		if err := d.check(); err != nil {
			return cli.Usage("%w", err)
		}
	}
	return nil
}

func (d *declaration) print(a *cli.App, held []kafka.Granted, mechanisms []string) error {
	slices.SortFunc(held, func(x, y kafka.Granted) int {
		return cmp.Or(cmp.Compare(x.Resource, y.Resource), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Operation, y.Operation), cmp.Compare(x.Host, y.Host))
	})
	v := shown{Principal: userType + d.User, Mechanisms: append([]string{}, mechanisms...), Rights: append([]heldView{}, compare(held, d.rights(a.Prefix))...)}
	count := func(state string) *int {
		n := 0
		for _, r := range v.Rights {
			if r.State == state {
				n++
			}
		}
		return &n
	}
	if len(d.Roles) > 0 {
		v.Extra, v.Missing = count(extra), count(missing)
	} else {
		for i := range v.Rights {
			if v.Rights[i].State == extra {
				v.Rights[i].State = ""
			}
		}
	}
	if err := v.print(a); err != nil {
		return err
	}
	if len(d.Roles) > 0 && *v.Extra+*v.Missing > 0 {
		return &differs{fmt.Sprintf("%s has %s that its roles do not need, and lacks %s", v.Principal, render.Count(*v.Extra, "right", "rights"), render.Count(*v.Missing, "right", "rights"))}
	}
	return nil
}

func (v shown) print(a *cli.App) error {
	if a.JSON() {
		return a.Object(v)
	}
	t := &cli.Table{Head: []string{"OPERATION", "ON", "NAME", "HOST", "STATE"}}
	for _, r := range v.Rights {
		name := r.Name
		if r.Prefixed {
			name += "*"
		}
		t.Add(cli.Plain(r.Operation), cli.Plain(r.Resource), cli.Plain(cli.Dash(name)), cli.Plain(r.Host), cli.Plain(cli.Dash(r.State)))
	}
	if err := a.Printf("%s  password %s\n", v.Principal, cli.Dash(strings.Join(v.Mechanisms, " "))); err != nil {
		return err
	}
	return a.Table(t)
}
