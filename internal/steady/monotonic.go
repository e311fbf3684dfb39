package steady

import "time"

var start = time.Now()

// monotonic is Go's own monotonic clock.
func monotonic() int64 { return int64(time.Since(start)) }
