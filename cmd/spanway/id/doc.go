// Package id is the noun id: create, list, show, watch, grant, reserve, renew, release, grow
// and delete. What changes something asks an allocator (pkg/ids); what shows something folds
// the log of grants.
package id
