package compose

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

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
		Volumes     []mount
		Environment map[string]string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
	Secrets []mount `yaml:"x-secrets"`
}

// mount is what a container sees of this host: a text, or written out.
type mount struct {
	Type, Source, Target string
	ReadOnly             bool `yaml:"read_only"`
	Bind                 struct {
		Create *bool `yaml:"create_host_path"`
	}
}

func (m *mount) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		m.Source, m.Target, _ = strings.Cut(n.Value, ":")
		return nil
	}
	type plain mount
	return n.Decode((*plain)(m))
}

// secret is the name of a directory with secrets; empty if it is something else.
func (m mount) secret() string {
	name, _ := strings.CutPrefix(m.Source, "${SECRETS:-.secrets}/")
	if name == m.Source {
		return ""
	}
	return name
}

// secretsOf are the directories with secrets that a container sees.
func secretsOf(all []mount) (names []string) {
	for _, m := range all {
		if name := m.secret(); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// roles are what the principal of a service may be, whatever its site.
var roles = map[string][]events.Role{
	"scheduler":  {events.RoleScheduler},
	"engine":     {events.RoleEngine},
	"allocator":  {events.RoleAllocator},
	"queues":     {events.RoleQueueHost},
	"replicator": {events.RoleReplicator},
	"links":      {events.RoleDeclarer},
	// At another site the global manager is a channel alone.
	"global-manager": {events.RoleGlobalManager, events.RoleChannel},
	"local-manager":  {events.RoleLocalManager},
	"demo":           {events.RoleClient},
	"operator":       {events.RoleReader, events.RoleClient, events.RoleRequester, events.RoleQueueHost, events.RoleDeclarer, events.RoleReplicatorSource, events.RoleOperator},
}

// elsewhere is what the principal of a service may be at the other site.
var elsewhere = map[string][]events.Role{"replicator": {events.RoleReplicatorSource}, "global-manager": {events.RoleChannel}}

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
		if over.Environment["SPANWAY_USER"] != who || over.Environment["SPANWAY_PASSWORD_FILE"] != "/run/secrets/"+who+"/password" || over.Environment["SPANWAY_TLS_CA"] != "/run/secrets/ca/ca.pem" {
			t.Errorf("%s connects by %v; want the user %s", name, over.Environment, who)
		}
		if got, want := secretsOf(over.Volumes), []string{"ca", who}; !slices.Equal(got, want) {
			t.Errorf("%s has the secrets %v, want %v", name, got, want)
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
		for _, m := range s.Volumes {
			if m.Source == "${SECRETS:-.secrets}" || strings.HasSuffix(m.Source, ".key") {
				t.Errorf("%s has the key of the authority: %s", name, m.Source)
			}
		}
		if slices.ContainsFunc(secretsOf(s.Volumes), func(secret string) bool { return strings.HasPrefix(secret, "admin-") }) && kind != "principals" {
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
		want := []string{"ca", "admin-" + site}
		for _, p := range all.Principals {
			kind, of := split(p.User)
			should := roles[kind]
			if of == other {
				should = elsewhere[kind]
			}
			if !slices.Equal(p.Roles, should) || len(should) == 0 {
				t.Errorf("%s has the roles %v at %s, want %v", p.User, p.Roles, site, should)
			}
			if p.Password != "/run/secrets/"+p.User+"/password" {
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
		got := secretsOf(secure.Services["principals-"+site].Volumes)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("principals-%s has the secrets %v, want %v", site, got, want)
		}
	}
}
