package principal

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
)

// Command is the noun principal.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("principal", "Give programs a user and the rights of their role on a Kafka cluster", apply(a), list(a), show(a))
}

func apply(a *cli.App) *cobra.Command {
	var file string
	var dryRun bool
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make users with their passwords, and give them the rights of their roles",
		Long: `Make the principals of a file (YAML or JSON, - is standard input) on the cluster: users
of SCRAM-SHA-512 with the passwords in their password-file, and the rights of their
roles, which are those of deploy/acls/acls.sh. It takes an administrator: Alter on the
cluster.

It may be done again: passwords are set anew, rights that are there stay. None is taken
away; deploy/acls/acls.sh --remove does that. Paths in the file begin where it is.
--dry-run prints the rights, connects to nothing and reads no password.

Look twice where brokers have allow.everyone.if.no.acl.found=true: the first right on a
topic or group shuts out everybody who has none on it, a right on the cluster (the
roles replicator and doctor) also brokers that are no super users, and copies: ["*"]
is a right on every topic. docs/topics.md says more.`,
		Example: `  spanway principal apply -f principals.yaml --brokers kafka-1:9093 --tls-ca ca.pem --user admin --password-file admin

  # principals.yaml
  principals:
    - {user: scheduler, password-file: scheduler.password, roles: [scheduler]}
    - {user: replicator, password-file: replicator.password, roles: [replicator], copies: ["fra.*"]}
    - {user: shop, roles: [client, queue-user], queues: [orders]}`,
		Args: cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return cli.Usage("give -f FILE")
			}
			all, err := read(cmd, a, file)
			if err != nil {
				return err
			}
			if dryRun {
				return printDeclared(a, all, dryRun)
			}
			logins, err := all.logins()
			if err != nil {
				return err
			}
			return a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
				if err := declare(ctx, c.Kafka(), all, logins, a.Prefix); err != nil {
					return err
				}
				return printDeclared(a, all, dryRun)
			})
		},
	}
	c.Flags().StringVarP(&file, "filename", "f", "", "file with principals; - for standard input")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only print the rights")
	return c
}

// declare makes users first: one without rights can do nothing.
func declare(ctx context.Context, k *kafka.Client, all declarations, logins []kafka.Login, prefix string) error {
	if len(logins) > 0 {
		if err := k.SetPasswords(ctx, logins); err != nil {
			return err
		}
	}
	var rights []kafka.Right
	for _, d := range all.Principals {
		rights = append(rights, d.rights(prefix)...)
	}
	if len(rights) == 0 {
		return nil
	}
	return k.Grant(ctx, rights)
}

// view is a principal as -o json prints it; the names are stable.
type view struct {
	User     string      `json:"user"`
	Password bool        `json:"password_set"`
	DryRun   bool        `json:"dry_run,omitempty"`
	Rights   []rightView `json:"rights"`
}

type rightView struct {
	Operation string `json:"operation"`
	Resource  string `json:"resource"`
	Name      string `json:"name,omitempty"`
	Prefixed  bool   `json:"prefixed,omitempty"`
}

func printDeclared(a *cli.App, all declarations, dryRun bool) error {
	for _, d := range all.Principals {
		v := view{User: d.User, Password: d.PasswordFile != "" && !dryRun, DryRun: dryRun, Rights: []rightView{}}
		for _, r := range d.rights(a.Prefix) {
			v.Rights = append(v.Rights, viewRight(r.ACL))
		}
		if err := v.print(a); err != nil {
			return err
		}
	}
	return nil
}

func (v view) print(a *cli.App) error {
	if a.JSON() {
		return a.Object(v)
	}
	if !v.DryRun {
		return a.Printf("%s has %s\n", v.User, render.Count(len(v.Rights), "right", "rights"))
	}
	for _, r := range v.Rights {
		name := r.Name
		if r.Prefixed {
			name += "*"
		}
		if err := a.Printf("%s\t%s\t%s %s\n", v.User, r.Operation, r.Resource, name); err != nil {
			return err
		}
	}
	return nil
}
