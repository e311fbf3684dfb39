package cli

import "github.com/spanway/spanway/internal/query"

// NoteReplaced says on standard error that a global manager was replaced: what its log says of sites
// is as of when it was, for they follow another one.
func (a *App) NoteReplaced(n *query.Networks) {
	if code, text, replaced := n.Replaced(); replaced {
		a.Notef("%s: what is shown is as of when this global manager was replaced; %s\n", code, text)
	}
}
