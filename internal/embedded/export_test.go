package embedded

import "time"

// Unwatched makes brokers that start from now on learn of a full disk only by a write
// that fails.
func Unwatched() { watchEvery, reserve = time.Hour, 0 }
