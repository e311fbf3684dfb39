package compose

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// secretsIn runs the script and returns what it has made, by name.
func secretsIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	if out, err := exec.Command("../../deploy/secure/secrets.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if len(text) == 0 {
			t.Errorf("%s is empty", path)
		}
		all[strings.TrimPrefix(path, dir+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The script fills every directory that is declared, and what is there stays. Nobody else may
// enter the directory of all, and who may do everything is in no file that containers read.
func TestSecretsAreMade(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is missing: install it")
	}
	dir := filepath.Join(t.TempDir(), "secrets")
	first := secretsIn(t, dir)
	if second := secretsIn(t, dir); !maps.Equal(first, second) {
		t.Error("made again it is something else")
	}
	remove := func(name string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	remove("engine-ams/password")
	if third := secretsIn(t, dir); third["engine-ams/password"] == first["engine-ams/password"] || third["engine-fra/password"] != first["engine-fra/password"] {
		t.Error("a password that was deleted was not made anew, or another one was")
	}
	// The key of the authority may be kept elsewhere, until a certificate is to be made.
	key := filepath.Join(dir, "ca.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	secretsIn(t, dir)
	remove("redis/tls.pem")
	if out, err := exec.Command("../../deploy/secure/secrets.sh", dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "ca.key is missing") {
		t.Errorf("without the key a certificate is made: %v\n%s", err, out)
	}
	for _, ignores := range []string{"../../.gitignore", "../../.dockerignore"} {
		text, err := os.ReadFile(ignores)
		if err != nil || !strings.Contains(string(text), "/.secrets/\n") && !strings.Contains(string(text), "\n*\n") {
			t.Errorf("%s lets secrets pass: %v", ignores, err)
		}
	}
}

// The script reads SECRETS and the ports as Docker Compose does: the environment goes before
// .env, and a path begins at the root.
func TestSecretsFollowTheSettings(t *testing.T) {
	root := t.TempDir()
	script, err := os.ReadFile("../../deploy/secure/secrets.sh")
	if err == nil {
		err = os.MkdirAll(filepath.Join(root, "deploy/secure"), 0o700)
	}
	for name, text := range map[string]string{
		"deploy/secure/secrets.sh": string(script), ".env": "# Ports.\nKAFKA_AMS_PORT=31001\nKAFKA_FRA_PORT=31002\nSECRETS=kept/here\n",
	} {
		if err == nil {
			err = os.WriteFile(filepath.Join(root, name), []byte(text), 0o700) //nolint:gosec // it is run
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(filepath.Join(root, "deploy/secure/secrets.sh"))
	run.Dir, run.Env = t.TempDir(), append(os.Environ(), "SECRETS=", "KAFKA_AMS_PORT=", "KAFKA_FRA_PORT=32002")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config, err := os.ReadFile(filepath.Join(root, "kept/here/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"127.0.0.1:31001", "127.0.0.1:32002", filepath.Join(root, "kept/here/config.yaml")} {
		if !strings.Contains(string(config), want) {
			t.Errorf("the configuration does not name %s:\n%s", want, config)
		}
	}
}

// A container sees a directory, in which a file that is replaced is seen, and no more of them
// than those that it needs. All may read what is in these, for containers have users of their own.
func TestSecretsAreMountedAsDirectories(t *testing.T) {
	var secure secureFile
	read(t, "../../docker-compose.secure.yml", &secure)
	dir := filepath.Join(t.TempDir(), "secrets")
	made := secretsIn(t, dir)
	declared := secretsOf(secure.Secrets)
	for _, m := range secure.Secrets {
		if m.Target != "/run/secrets/"+m.secret() || m.Type != "bind" || !m.ReadOnly || m.Bind.Create == nil || *m.Bind.Create {
			t.Errorf("%s is mounted as %+v", m.secret(), m)
		}
	}
	for name, s := range secure.Services {
		for _, secret := range secretsOf(s.Volumes) {
			if !slices.Contains(declared, secret) {
				t.Errorf("%s has %s, which is not declared", name, secret)
			}
		}
	}
	modes := map[string]fs.FileMode{".": 0o700, "ca.key": 0o600, "config.yaml": 0o600}
	for name := range made {
		if of := filepath.Dir(name); of != "." {
			modes[of], modes[name] = 0o755, 0o644
			if !slices.Contains(declared, of) {
				t.Errorf("%s is of nobody", name)
			}
		}
	}
	for name, want := range modes {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", name, info, err, want)
		}
	}
	for _, name := range declared {
		if modes[name] == 0 {
			t.Errorf("nothing is made for %s", name)
		}
	}
	if len(made) != len(slices.DeleteFunc(slices.Collect(maps.Keys(modes)), func(name string) bool { return modes[name] == 0o755 || name == "." })) {
		t.Errorf("it makes %v", slices.Sorted(maps.Keys(made)))
	}
}

// Options that OpenSSL 1.1.1 or LibreSSL lack, and settings of the system, are not used.
func TestSecretsAreMadeByOldPrograms(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is missing: install it")
	}
	bin, dir := t.TempDir(), filepath.Join(t.TempDir(), "secrets")
	old := `#!/bin/sh
for option; do
	case $option in
	-addext | -copy_extensions | -not_before | -not_after | -r | -quiet | -x509v1 | -CA*serial | -provider | -in=*)
		echo "openssl $1: unknown option $option" >&2
		exit 1 ;;
	esac
done
case "$1 $*" in
"req "*" -CA "*) echo "openssl req: unknown option -CA" >&2; exit 1 ;;
"verify "*) "` + program + `" "$@"; exit 0 ;; # Whatever it has found.
esac
exec "` + program + `" "$@"
`
	if err := os.WriteFile(filepath.Join(bin, "openssl"), []byte(old), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("OPENSSL_CONF", filepath.Join(bin, "none"))
	first := secretsIn(t, dir)
	for name, server := range map[string]string{"kafka-ams": "kafka-ams", "redis": "localhost", "admin-fra": ""} {
		args := []string{"verify", "-CAfile", dir + "/ca/ca.pem"}
		if server != "" {
			args = append(args, "-verify_hostname", server)
		}
		if out, err := exec.Command(program, append(args, filepath.Join(dir, name, "tls.pem"))...).CombinedOutput(); err != nil {
			t.Errorf("the certificate of %s: %v\n%s", name, err, out)
		}
	}
	// One of another authority is no good, also if verify ends with 0.
	other := secretsIn(t, filepath.Join(t.TempDir(), "other"))
	if err := os.WriteFile(filepath.Join(dir, "redis/tls.pem"), []byte(other["redis/tls.pem"]), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := secretsIn(t, dir); again["redis/tls.pem"] == other["redis/tls.pem"] || again["kafka-ams/tls.pem"] != first["kafka-ams/tls.pem"] {
		t.Error("a certificate of another authority stays, or one that is valid does not")
	}
}
