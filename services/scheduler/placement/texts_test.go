package placement

// Texts are how the command line writes what the scenarios quote.
type Texts struct {
	Explanation func(Explanation) string
	Shortage    func(Finding) string
	Amounts     func(map[string]int64) string
	Score       func(float64) string
}

// texts are set by quotes_test.go: what writes them imports this package.
var texts Texts

// UseTexts is for quotes_test.go.
func UseTexts(t Texts) { texts = t }
