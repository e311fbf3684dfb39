package kafka

import "time"

// AsksNever has a client not ask by itself what its cluster is, for as long as a test lasts.
func (c Config) AsksNever() Config {
	c.metadataTTL = time.Hour
	return c
}
