package principal

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// listed is a principal as list prints it; the names are stable.
type listed struct {
	Principal string `json:"principal"`
	// Mechanisms are those of its password, none if it has a certificate, say.
	Mechanisms []string `json:"mechanisms"`
	Rights     int      `json:"rights"`
	Denied     int      `json:"denied"`
	// Roles are those for which it has all rights, without those that another of them includes:
	// these are Includes.
	Roles    []events.Role `json:"roles"`
	Includes []events.Role `json:"includes"`
}

func list(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the principals that have a password or a right on the cluster",
		Long: `List who connects with a password of SCRAM that the cluster knows, and who has rights
there: how many, and the roles for which these suffice; in brackets are roles that another
one includes, as queue-host includes queue-user. Super users have no rights that
could be listed, and a principal with a certificate is there if it has rights. It takes
Describe on the cluster.`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
				rights, err := c.Kafka().GrantedTo(ctx, "")
				if err != nil {
					return err
				}
				of := map[string][]kafka.Granted{}
				var named []string
				for _, r := range rights {
					if of[r.Principal] == nil {
						if name, ok := strings.CutPrefix(r.Principal, userType); ok {
							named = append(named, name)
						}
					}
					of[r.Principal] = append(of[r.Principal], r)
				}
				users, err := c.Kafka().Users(ctx, named)
				if err != nil {
					return err
				}
				for name := range users {
					of[userType+name] = append([]kafka.Granted{}, of[userType+name]...)
				}
				return printList(a, of, users)
			})
		},
	}
}

// userType is what principals begin with that are users.
const userType = "User:"

func printList(a *cli.App, of map[string][]kafka.Granted, users map[string][]string) error {
	t := &cli.Table{Head: []string{"PRINCIPAL", "PASSWORD", "RIGHTS", "DENIED", "ROLES"}}
	for _, principal := range slices.Sorted(maps.Keys(of)) {
		v := listed{Principal: principal, Mechanisms: []string{}}
		v.Roles, v.Includes = roles(of[principal], a.Prefix)
		v.Mechanisms = append(v.Mechanisms, users[strings.TrimPrefix(principal, userType)]...)
		for _, r := range of[principal] {
			if r.Denies {
				v.Denied++
			} else {
				v.Rights++
			}
		}
		if a.JSON() {
			if err := a.Object(v); err != nil {
				return err
			}
			continue
		}
		t.Add(cli.Plain(v.Principal), cli.Plain(cli.Dash(strings.Join(v.Mechanisms, " "))), cli.Plain(v.Rights), cli.Plain(v.Denied), cli.Plain(cli.Dash(v.named())))
	}
	if a.JSON() {
		return nil
	}
	return a.Table(t)
}

// named are the roles as people read them.
func (v *listed) named() string {
	var names []string
	for _, role := range v.Roles {
		names = append(names, string(role))
	}
	for _, role := range v.Includes {
		names = append(names, "("+string(role)+")")
	}
	return strings.Join(names, " ")
}
