package embedded

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// User is one who may connect.
type User struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	Mechanism, Name, Password string
	// Super may do everything; Rights does not matter then.
	Super  bool
	Rights []Right
}

// Right is one operation on one resource, as an ACL of Kafka names them.
type Right struct {
	Operation kmsg.ACLOperation
	Resource  kmsg.ACLResourceType
	// Name is that of a topic or group, or * for all; a cluster is "kafka-cluster".
	// With Prefixed it is what the names of all begin with that are meant.
	Name     string
	Prefixed bool
}

// refuses tells whether there is a user with less than all rights.
func (config Config) refuses() bool {
	return slices.ContainsFunc(config.Users, func(u User) bool { return !u.Super })
}

// security are the options that a configuration's users make.
func (config Config) security() (options []kfake.Opt) {
	if len(config.Users) > 0 {
		options = append(options, kfake.EnableSASL(), kfake.EnableACLs())
	}
	for _, u := range config.Users {
		if u.Super {
			options = append(options, kfake.Superuser(u.Mechanism, u.Name, u.Password))
			continue
		}
		acls := make([]kfake.ACL, len(u.Rights))
		for i, r := range u.Rights {
			pattern := kmsg.ACLResourcePatternTypeLiteral
			if r.Prefixed {
				pattern = kmsg.ACLResourcePatternTypePrefixed
			}
			acls[i] = kfake.ACL{
				Resource: r.Resource, Name: r.Name, Pattern: pattern, Operation: r.Operation, Allow: true,
			}
		}
		options = append(options, kfake.User(u.Mechanism, u.Name, u.Password, acls...))
	}
	return options
}
