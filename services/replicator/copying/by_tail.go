//go:build !notail

package copying

// byTail: what stands in the target decides where a copy goes on. A build without it, with
// the tag notail, goes on from the checkpoint alone; tests prove that it is found out.
const byTail = true
