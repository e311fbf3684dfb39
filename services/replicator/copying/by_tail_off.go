//go:build notail

package copying

const byTail = false
