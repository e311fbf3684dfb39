package cluster

import "github.com/spanway/spanway/internal/kafka"

// Rejected is the error when a connection cannot be made with the configuration as
// it is: a wrong password or CA, an expired certificate, plain text where the broker
// speaks TLS, an address that is not allowed. It names the cluster, the broker, the
// principal, the problem and the remedy.
type Rejected = kafka.Rejected

// Denied is the error when the principal lacks a right. It names the cluster, the
// principal, the operation and the resource.
type Denied = kafka.Denied

// IsDenied reports whether err is one of the two: trying again does not help until
// somebody changes the configuration, a password, a certificate or a right.
func IsDenied(err error) bool { return kafka.IsDenied(err) }
