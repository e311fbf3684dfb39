package eventlog

// BoundOpen changes the bound of open events until restore is called.
func BoundOpen(bytes int64) (restore func()) {
	before := maxOpen
	maxOpen = bytes
	return func() { maxOpen = before }
}
