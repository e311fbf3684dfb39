// Package realise has a realiser of logical networks: an engine's handler for the tasks by which
// a local manager has the objects of its site realised.
//
//	local manager ─▶ tasks.requests ─▶ scheduler ─▶ engine ─▶ Files ─▶ DIR/networks/shop/segments/web.json
//
// Files keeps what is realised as files, one of JSON for each object: what follows them can be
// anything that reads files. Of an object one task at most is in flight, so no two write the same
// file, unless an engine was taken for lost while its handler went on: what that writes late stays
// until the object changes, or drift is reported.
//
// A file is there as a whole or not at all, also after a crash. A task that is run again does the
// same again.
package realise
