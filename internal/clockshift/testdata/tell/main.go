// Command tell answers each line of its input with the time of day and the monotonic
// time since its start, in nanoseconds.
package main

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

func main() {
	start := time.Now()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		now := time.Now()
		fmt.Println(now.UnixNano(), now.Sub(start).Nanoseconds())
	}
}
