// Package render writes answers as people read them: explanations of tasks and
// reports of replays, in columns and, where asked for, in colour; and the one form of
// each duration, amount and count. It asks nothing and decides nothing; what programs
// read is the answer itself, as JSON.
//
// It is the boundary to the terminal, too. Names, reasons, predicates, labels and
// errors are text that anybody may have written: Clean escapes in it whatever is not
// graphic, Sprintf its arguments, and what they make is Safe, which no other package
// can make.
package render
