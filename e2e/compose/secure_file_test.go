package compose

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// secureFile is what these tests read of docker-compose.secure.yml.
type secureFile struct {
	Services map[string]struct {
		Image       string
		MemLimit    string   `yaml:"mem_limit"`
		CPUs        string   `yaml:"cpus"`
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		Command     []string
		Networks    []string
		Ports       []string
		Secrets     []string
		Environment map[string]string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
	Secrets map[string]struct{ File string }
}

// roles are what the principal of a service may be, whatever its site.
var roles = map[string][]events.Role{
	"scheduler":  {events.RoleScheduler},
	"engine":     {events.RoleEngine},
	"allocator":  {events.RoleAllocator},
	"queues":     {events.RoleQueueHost},
	"replicator": {events.RoleReplicator},
	"links":      {events.RoleDeclarer},
	"demo":       {events.RoleClient},
	"operator":   {events.RoleReader, events.RoleClient, events.RoleRequester, events.RoleQueueHost, events.RoleDeclarer, events.RoleReplicatorSource},
}

// site is that of a service or principal, and kind what is before it.
func split(name string) (kind, site string) {
	for _, site := range []string{"ams", "fra"} {
		if kind, _, ok := strings.Cut(name, "-"+site); ok {
			return kind, site
		}
	}
	return name, ""
}

// Each service of Spanway connects by TLS as the principal of its kind and site, with the
// password of that one, and has no other secret of Kafka.
func TestEveryServiceHasItsPrincipal(t *testing.T) {
	var stack file
	var secure secureFile
	read(t, "../../docker-compose.yml", &stack)
	read(t, "../../docker-compose.secure.yml", &secure)
	for name, s := range stack.Services {
		if !strings.HasPrefix(s.Image, "spanway/") {
			continue
		}
		kind, site := split(name)
		who, over := kind+"-"+site, secure.Services[name]
		if over.Environment["SPANWAY_USER"] != who || over.Environment["SPANWAY_PASSWORD_FILE"] != "/run/secrets/"+who || over.Environment["SPANWAY_TLS_CA"] != "/run/secrets/ca.pem" {
			t.Errorf("%s connects by %v; want the user %s", name, over.Environment, who)
		}
		want := []string{"ca.pem", who}
		if kind == "allocator" {
			want = append(want, who+"-redis")
		}
		if !slices.Equal(over.Secrets, want) {
			t.Errorf("%s has the secrets %v, want %v", name, over.Secrets, want)
		}
		if kind != "links" && kind != "demo" && over.DependsOn["principals-"+site].Condition != "service_completed_successfully" {
			t.Errorf("%s does not wait for its rights: %v", name, over.DependsOn)
		}
	}
	for name, s := range secure.Services {
		_, known := stack.Services[name]
		kind, site := split(name)
		if !known && (kind != "principals" || s.MemLimit == "" || s.CPUs == "" || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !pinned.MatchString(s.Image) || !slices.Equal(s.Networks, []string{site})) {
			t.Errorf("%s is new, and may do more than it needs: %+v", name, s)
		}
		if len(s.Ports) > 0 {
			t.Errorf("%s publishes %v", name, s.Ports)
		}
		if slices.Contains(s.Secrets, "ca.key") {
			t.Errorf("%s has the key of the authority", name)
		}
		if slices.ContainsFunc(s.Secrets, func(secret string) bool { return strings.HasPrefix(secret, "admin-") }) && kind != "principals" {
			t.Errorf("%s has the certificate of an administrator", name)
		}
	}
}

// No listener of Kafka speaks plain text, and whoever reaches one has a password, or, at
// those of brokers, a certificate.
func TestNoListenerIsPlain(t *testing.T) {
	var secure secureFile
	read(t, "../../docker-compose.secure.yml", &secure)
	for _, name := range []string{"kafka-ams", "kafka-fra"} {
		env := secure.Services[name].Environment
		protocols := map[string]string{}
		for _, pair := range strings.Split(env["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"], ",") {
			listener, protocol, _ := strings.Cut(pair, ":")
			protocols[listener] = protocol
		}
		for _, at := range strings.Split(env["KAFKA_LISTENERS"], ",") {
			listener, _, _ := strings.Cut(at, "://")
			switch protocols[listener] {
			case "SASL_SSL":
			case "SSL":
				if env["KAFKA_LISTENER_NAME_"+listener+"_SSL_CLIENT_AUTH"] != "required" {
					t.Errorf("%s: %s demands neither a password nor a certificate", name, listener)
				}
			default:
				t.Errorf("%s: %s speaks %q", name, listener, protocols[listener])
			}
			delete(protocols, listener)
		}
		_, site := split(name)
		if len(protocols) > 0 || env["KAFKA_AUTHORIZER_CLASS_NAME"] == "" || env["KAFKA_SUPER_USERS"] != "User:CN="+name+";User:CN=admin-"+site {
			t.Errorf("%s: %v", name, env)
		}
	}
	redis := secure.Services["redis"].Command
	if i := slices.Index(redis, "--port"); i < 0 || redis[i+1] != "0" || !slices.Contains(redis, "--aclfile") {
		t.Errorf("Redis is started by %v", redis)
	}
	// All else is as in docker-compose.yml.
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	for _, option := range stack.Services["redis"].Command[3:] {
		if !slices.Contains(redis, option) {
			t.Errorf("Redis is started without %s", option)
		}
	}
}

// Principals have the rights of their roles, where they are needed: one that is another
// site's replicator reads what that one copies, by the file of its links.
func TestPrincipalsHaveTheirRoles(t *testing.T) {
	var secure secureFile
	read(t, "../../docker-compose.secure.yml", &secure)
	for site, other := range map[string]string{"ams": "fra", "fra": "ams"} {
		var all struct {
			Principals []struct {
				User     string
				Password string `yaml:"password-file"`
				Roles    []events.Role
				Copies   []string
				Queues   []string
			}
		}
		read(t, "../../deploy/secure/principals-"+site+".yaml", &all)
		want := []string{"ca.pem", "admin-" + site + ".pem"}
		for _, p := range all.Principals {
			kind, of := split(p.User)
			should := roles[kind]
			if of == other {
				should = []events.Role{events.RoleReplicatorSource}
			}
			if !slices.Equal(p.Roles, should) || of == other && kind != "replicator" {
				t.Errorf("%s has the roles %v at %s, want %v", p.User, p.Roles, site, should)
			}
			if p.Password != "/run/secrets/"+p.User {
				t.Errorf("%s has the password of %s", p.User, p.Password)
			}
			if kind == "replicator" && of == site && !slices.Equal(p.Copies, []string{other + ".*"}) {
				t.Errorf("%s may write %v", p.User, p.Copies)
			}
			if uses := kind == "queues" || kind == "operator"; slices.Equal(p.Queues, []string{"*"}) != uses || !uses && len(p.Queues) > 0 {
				t.Errorf("%s may use the queues %v", p.User, p.Queues)
			}
			want = append(want, p.User)
		}
		got := slices.Clone(secure.Services["principals-"+site].Secrets)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("principals-%s has the secrets %v, want %v", site, got, want)
		}
	}
}

// The script makes every secret that is declared, and what is there stays. Nobody else may
// enter the directory, and who may do everything is in no file that containers read.
func TestSecretsAreMade(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is missing: install it")
	}
	var secure secureFile
	read(t, "../../docker-compose.secure.yml", &secure)
	dir := filepath.Join(t.TempDir(), "secrets")
	made := func() map[string]string {
		t.Helper()
		if out, err := exec.Command("../../deploy/secure/secrets.sh", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		all := map[string]string{}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil || len(text) == 0 {
				t.Errorf("%s has %d bytes: %v", e.Name(), len(text), err)
			}
			all[e.Name()] = string(text)
		}
		return all
	}
	first := made()
	for name, s := range secure.Secrets {
		if s.File != "${SECRETS:-.secrets}/"+name {
			t.Errorf("secret %s is the file %s", name, s.File)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("secret %s: %v, %v", name, info, err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "ca.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key of the authority: %v, %v", info, err)
	}
	if extra := len(first) - len(secure.Secrets); extra != 2 { // ca.key and config.yaml
		t.Errorf("it makes %v", slices.Sorted(maps.Keys(first)))
	}
	if second := made(); !maps.Equal(first, second) {
		t.Error("made again it is something else")
	}
	if err := os.Remove(filepath.Join(dir, "engine-ams")); err != nil {
		t.Fatal(err)
	}
	if third := made(); third["engine-ams"] == first["engine-ams"] || third["engine-fra"] != first["engine-fra"] {
		t.Error("a password that was deleted was not made anew, or another one was")
	}
	// The key of the authority may be kept elsewhere, until a certificate is to be made.
	key := filepath.Join(dir, "ca.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("../../deploy/secure/secrets.sh", dir).CombinedOutput(); err != nil {
		t.Errorf("without the key: %v\n%s", err, out)
	}
	if err := os.Remove(filepath.Join(dir, "redis.pem")); err != nil {
		t.Fatal(err)
	}
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
