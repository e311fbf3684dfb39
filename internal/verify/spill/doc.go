// Package spill remembers facts by key in bounded memory: the newest ones on the heap,
// and the others in a temporary file. It is what the judges of package verify remember
// the past in, of which a log has no end: see chain.Memory.
//
// The file is a table of pages of 4 KiB, found by hash. A page that is full continues in
// the next one. Facts are written 65,536 at a time, in the order of their pages, and the
// table is copied into a larger one before it is two thirds full. A fact takes 40 bytes,
// 60 to 250 in the file. Until there are 65,536 facts there is no file. It has no name as
// soon as it is open, where the operating system allows that, so that nothing is left of
// it whatever ends the process.
package spill
