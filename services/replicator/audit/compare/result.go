package compare

// Kind is what is wrong with a copy.
type Kind uint8

// What can be wrong with a copy, as the package comment says.
const (
	Missing Kind = iota
	Extra
	Differs
	Duplicate
	Disorder
	Foreign
	Stale
	kinds
)

// String is the kind's name on the command line.
func (k Kind) String() string {
	return [...]string{"missing", "extra", "differs", "duplicate", "disorder", "foreign", "stale", "?"}[min(k, kinds)]
}

// Finding is one record that is wrong.
type Finding struct {
	Kind Kind
	// Source and Target are the offsets of the two records; -1 where there is none.
	Source, Target int64
}

// Wrong counts findings by Kind.
type Wrong [kinds]int64

// Total is how many there are of all kinds.
func (w *Wrong) Total() (n int64) {
	for _, of := range w {
		n += of
	}
	return n
}

// Side is what one side has in a window.
type Side struct {
	Records int64
	// Hash is the sum of Hash of all of them.
	Hash uint64
}

func (s *Side) add(hash uint64) {
	s.Records++
	s.Hash += hash
}

// Window is a range of offsets of the source, and what stands in the target of it.
type Window struct {
	Range
	// Since and Until are the least and the greatest timestamp of the source's records.
	Since, Until int64
	// Source are the records that should be in the target; those that are not copied yet
	// are not among them.
	Source, Target Side
	Wrong          Wrong
}

// Result is what was found so far.
type Result struct {
	// Same records of the source have one true copy.
	Same int64
	// Looped, Relayed, Elsewhere and Uncopyable records of the source were not to be
	// copied.
	Looped, Relayed, Elsewhere, Uncopyable int64
	// Passed records of the source were not to be copied by what was declared when the copy came
	// there, and would be by what is declared now. Of Undeclared ones, which are not in the
	// target, it is not known what was declared.
	Passed, Undeclared int64
	// Compacted records of the source are not in the target, Gone ones are no more in the
	// source; both by compaction or retention.
	Compacted, Gone int64
	// Earlier copies are of a source that was created again or lost its end. Later ones
	// are of records behind the source's end. Others are records of other writers, where
	// there may be some.
	Earlier, Later, Others int64
	// LaterTo is the offset behind the newest of the later ones; 0 if there is none.
	LaterTo int64
	// Swept records delete keys that the source does not have any more; Keys judges that.
	Swept int64
	// Behind records are not copied yet.
	Behind int64
	// EqualTo is the offset of the source below which both sides are equal.
	EqualTo int64
	Wrong   Wrong
	// First are the first findings: of each kind at most 10.
	First []Finding
}

const keep = 10

// Equal says that nothing is wrong.
func (r *Result) Equal() bool { return r.Wrong.Total() == 0 }

// find counts a finding; at is the offset of the source where the sides cease to be equal.
func (r *Result) find(f Finding, at int64) {
	r.Wrong[f.Kind]++
	if r.Wrong[f.Kind] <= keep {
		r.First = append(r.First, f)
	}
	r.EqualTo = min(r.EqualTo, at)
}

// Add adds what was found in another part of the keys.
func (r *Result) Add(other *Result) {
	r.Same += other.Same
	r.Gone += other.Gone
	r.Later += other.Later
	r.Behind += other.Behind
	r.EqualTo = min(r.EqualTo, other.EqualTo)
	for kind, n := range other.Wrong {
		r.Wrong[kind] += n
	}
	r.First = append(r.First, other.First...)
}
