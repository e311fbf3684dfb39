package selection

// Application has announced topics at a source.
type Application struct {
	Name string
	// Topics are their names, and Sites those that they are copied to; all if none.
	Topics, Sites []string
	// Routed: each record names its sites in the Header.
	Routed bool
	Header string
}
