package events

import "time"

// Stamp writes a time in milliseconds since the Unix epoch as every output and error
// of Spanway does: RFC 3339 in UTC, with milliseconds.
func Stamp(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
