package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

const config = `
current-context: home
contexts:
  home: {cluster: lab, prefix: home., site: ams}
  work: {cluster: prod, prefix: work.}
clusters:
  lab:
    brokers: [lab-1:9092, lab-2:9092]
    allowed-addresses: ["*.lab"]
    dial-timeout: 1s
  prod:
    brokers: [prod-1:9093]
    tls: {ca-file: ca.pem, cert-file: /etc/spanway/tls.crt, key-file: /etc/spanway/tls.key, server-name: kafka.prod}
    sasl: {mechanism: SCRAM-SHA-256, user: alice, password-file: secret/password}
`

// aim is what the flags make with a file and variables of its own.
func aim(t *testing.T, content string, variables map[string]string, args ...string) (cli.Target, string, error) {
	t.Helper()
	for _, v := range os.Environ() { // of whoever runs the tests
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "SPANWAY_") {
			t.Setenv(name, "")
		}
	}
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("HOME", home)
	dir, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "spanway")
	if content != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range variables {
		t.Setenv("SPANWAY_"+name, value)
	}
	var c cli.Connection
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.Flags(flags)
	if err := flags.Parse(args); err != nil {
		return cli.Target{}, dir, err
	}
	target, err := c.Target(t.Context())
	return target, dir, err
}

// line is a target in one line, for tables.
func line(t cli.Target, dir string) string {
	c := t.Cluster
	s := fmt.Sprintf("%s %s prefix=%s site=%s dial=%v", c.Name, strings.Join(c.Brokers, ","), t.Prefix, t.Site, c.DialTimeout)
	if c.TLS.On() {
		s += fmt.Sprintf(" tls=%t ca=%s cert=%s key=%s name=%s", c.TLS.Enabled, c.TLS.CAFile, c.TLS.CertFile, c.TLS.KeyFile, c.TLS.ServerName)
	}
	if c.SASL.Mechanism != "" {
		s += fmt.Sprintf(" %s %s %q in %q", c.SASL.Mechanism, c.SASL.Username, string(c.SASL.Password), c.SASL.PasswordFile)
	}
	if len(c.AllowedAddresses) > 0 {
		s += fmt.Sprint(" allowed=", c.AllowedAddresses)
	}
	return strings.ReplaceAll(strings.TrimSpace(s), dir, "DIR")
}

func TestTarget(t *testing.T) {
	const lab = "lab lab-1:9092,lab-2:9092 prefix=home. site=ams dial=1s allowed=[*.lab]"
	const prod = "tls=false ca=DIR/ca.pem cert=/etc/spanway/tls.crt key=/etc/spanway/tls.key name=kafka.prod SCRAM-SHA-256 alice \"\" in \"DIR/secret/password\""
	for name, c := range map[string]struct {
		file      string
		variables map[string]string
		args      []string
		want      string
	}{
		"nothing":                    {"", nil, nil, "127.0.0.1:29092 prefix=spanway. site=local dial=3s"},
		"flags":                      {"", nil, words("--brokers a:1,b:2 --prefix p. --site s --dial-timeout 5s"), "a:1,b:2 prefix=p. site=s dial=5s"},
		"variables":                  {"", map[string]string{"BROKERS": "a:1", "PREFIX": "p.", "SITE": "s", "TLS": "true"}, nil, "a:1 prefix=p. site=s dial=3s tls=true ca= cert= key= name="},
		"flag over variable":         {"", map[string]string{"BROKERS": "a:1", "TLS": "true"}, words("--brokers b:1 --tls=false"), "b:1 prefix=spanway. site=local dial=3s"},
		"current context":            {config, nil, nil, lab},
		"variable over context":      {config, map[string]string{"PREFIX": "v."}, nil, strings.Replace(lab, "home.", "v.", 1)},
		"flag over context":          {config, map[string]string{"PREFIX": "v."}, words("--prefix f."), strings.Replace(lab, "home.", "f.", 1)},
		"a context":                  {config, nil, words("--context work"), "prod prod-1:9093 prefix=work. site=local dial=3s " + prod},
		"a context by variable":      {config, map[string]string{"CONTEXT": "work"}, nil, "prod prod-1:9093 prefix=work. site=local dial=3s " + prod},
		"a cluster":                  {config, nil, words("--cluster prod"), "prod prod-1:9093 prefix=spanway. site=local dial=3s " + prod},
		"the current context's":      {config, nil, words("--cluster lab"), lab},
		"a named one over variables": {config, map[string]string{"BROKERS": "a:1", "PREFIX": "v."}, words("--context work"), "prod prod-1:9093 prefix=work. site=local dial=3s " + prod},
		"other brokers":              {strings.Replace(config, "home\n", "work\n", 1), nil, words("--brokers a:1"), "a:1 prefix=spanway. site=local dial=3s"},
		"other brokers by variable":  {strings.Replace(config, "home\n", "work\n", 1), map[string]string{"BROKERS": "a:1"}, nil, "a:1 prefix=spanway. site=local dial=3s"},
		"a password, over its file": {strings.Replace(config, "home\n", "work\n", 1), map[string]string{"PASSWORD": "pw"}, nil,
			"prod prod-1:9093 prefix=work. site=local dial=3s " + strings.Replace(prod, `"" in "DIR/secret/password"`, `"pw" in ""`, 1)},
		"a password file, over a password": {"", map[string]string{"PASSWORD": "pw"}, words("--user bob --password-file /run/pw"), `127.0.0.1:29092 prefix=spanway. site=local dial=3s SCRAM-SHA-512 bob "" in "/run/pw"`},
		"a password file by variable":      {"", map[string]string{"PASSWORD_FILE": "/run/pw", "USER": "bob", "SASL_MECHANISM": "PLAIN"}, nil, `127.0.0.1:29092 prefix=spanway. site=local dial=3s PLAIN bob "" in "/run/pw"`},
	} {
		t.Run(name, func(t *testing.T) {
			target, dir, err := aim(t, c.file, c.variables, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if got := line(target, dir); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func words(s string) []string { return strings.Fields(s) }

func TestTargetsThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		file      string
		variables map[string]string
		args      []string
		want      []string
	}{
		"no such context":   {config, nil, words("--context x"), []string{`context "x"`, "config.yaml", "home, work"}},
		"no such cluster":   {config, nil, words("--cluster x"), []string{`cluster "x"`, "lab, prod"}},
		"no file":           {"", nil, words("--config /nonexistent.yaml"), []string{"/nonexistent.yaml", "no such file"}},
		"no file at all":    {"", nil, words("--cluster prod"), []string{`cluster "prod"`, "config.yaml", "none"}},
		"an unknown key":    {"clusters: {a: {broker: [x:1]}}", nil, nil, []string{"config.yaml", "broker"}},
		"a password":        {"clusters: {a: {brokers: [x:1], sasl: {user: alice, password: hunter2}}}", nil, nil, []string{"config.yaml", "password-file"}},
		"a bad duration":    {"", nil, words("--dial-timeout soon"), []string{"--dial-timeout", "soon"}},
		"a bad variable":    {"", map[string]string{"TLS": "perhaps"}, nil, []string{"SPANWAY_TLS", "perhaps"}},
		"of the file":       {"current-context: a\ncontexts: {a: {cluster: a}}\nclusters: {a: {brokers: [x:1], dial-timeout: soon}}", nil, nil, []string{`dial-timeout of cluster "a"`, "config.yaml"}},
		"a broken currency": {"current-context: gone", nil, nil, []string{`context "gone"`, "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := aim(t, c.file, c.variables, c.args...)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error is %q, want it to contain %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// Each flag and each variable is in the documentation.
func TestSettingsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var c cli.Connection
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.Flags(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		variable := "SPANWAY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if !strings.Contains(f.Usage, variable) {
			t.Errorf("the help of --%s does not name %s", f.Name, variable)
		}
		for _, name := range []string{"`--" + f.Name, "`" + variable} {
			if !strings.Contains(string(doc), name) {
				t.Errorf("docs/operations.md does not name %s", name)
			}
		}
	})
}

// Everybody on a machine can read the arguments of a process.
func TestNoFlagTakesAPassword(t *testing.T) {
	var c cli.Connection
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.Flags(flags)
	var named []string
	flags.VisitAll(func(f *pflag.Flag) {
		if strings.Contains(f.Name, "pass") {
			named = append(named, f.Name)
		}
	})
	if !slices.Equal(named, []string{"password-file"}) {
		t.Errorf("flags for passwords are %v, want only the file's", named)
	}
	if target, _, _ := aim(t, "", map[string]string{"PASSWORD": "hunter2", "USER": "bob"}); strings.Contains(fmt.Sprintf("%v %+v %#v", target, target, target), "hunter2") {
		t.Error("a target prints its password")
	}
}

// A file that is named must be good, whatever it is named by, and wherever the brokers
// come from.
func TestAFileThatIsNamedIsRead(t *testing.T) {
	for _, brokers := range [][]string{nil, {"--brokers", "b:1"}} {
		for _, by := range []string{"flag", "variable"} {
			args, variables := brokers, map[string]string{"CONFIG": "/no/such.yaml"}
			if by == "flag" {
				args, variables = append([]string{"--config", "/no/such.yaml"}, brokers...), nil
			}
			if _, _, err := aim(t, config, variables, args...); err == nil || !strings.Contains(err.Error(), "/no/such.yaml") {
				t.Errorf("by %s, with %q: %v; want that the file is refused", by, brokers, err)
			}
		}
	}
}
