package logowner

// ForeignAfter is for tests that do not wait for it.
var ForeignAfter = &foreignAfter
