// Package sequence tells, in package sim, of writers that follow one another in putting changes
// into a queue whose IDs are a sequence (package order), as managers do for a site.
//
// The changes are known to all writers: change n is the entry with number n, whoever puts it in.
// Each life of a writer has a term of its own, higher than all before it; it folds the queue, goes
// on behind its last entry, and appends calls again until they are decided. It is crashed and
// paused, its messages are dropped, delayed and doubled, and a writer that was replaced wakes up
// and goes on, because nobody told it. Some change is withdrawn, and the site takes out what it
// has, some entries at a time or by a trim. A life begins at the state that an earlier one has
// stored, so that what a state forgets shows.
//
// The judge reads the whole log by the judge's own rule (internal/verify/queue): the entries that
// were accepted are all changes, each once and in order, with the content of that change, under
// terms that do not fall; what each writer was told is what the log says; and in the end nothing
// is left out.
//
// There is only test code here.
package sequence
