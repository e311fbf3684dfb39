package doctor

import (
	"errors"
	"strings"
	"testing"
)

// What is to be done about a Redis that cannot be asked is by what is wrong.
func TestARedisThatCannotBeAsked(t *testing.T) {
	for says, want := range map[string]string{
		"NOAUTH Authentication required.":                               "--redis-password-file",
		"WRONGPASS invalid username-password pair or user is disabled.": "--redis-username",
		"NOPERM this user has no permissions to run the 'info' command": "rights",
		"EOF":                       "--redis-tls",
		"context deadline exceeded": "--redis-tls",
		"tls: first record does not look like a TLS handshake":                 "--redis-tls",
		"tls: failed to verify certificate: x509: signed by unknown authority": "--redis-tls-ca",
		"dial tcp 127.0.0.1:1: connect: connection refused":                    "whether the server runs",
	} {
		f := findings{}
		redis(&f, Facts{RedisErr: errors.New(says)})
		if all := f.joined(); len(all) != 1 || !strings.Contains(all[0].Remedy, want) || !strings.Contains(all[0].Remedy, "no identifier is granted") {
			t.Errorf("%s: %+v", says, all)
		}
	}
}
