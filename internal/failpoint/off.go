//go:build !failpoints

package failpoint

// Enabled tells whether this program was built with failpoints.
const Enabled = false

// Hit does nothing in a program that was built without failpoints.
func Hit(string) {}
