package queue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// token is a claim's as claim prints it: the number, which is an offset, and which queue it is
// of. Another queue of the same name has the same offsets.
type token struct {
	number int64
	// creation is that of the queue; 0 if it is not known.
	creation uint64
}

var errToken = errors.New("give the token that claim printed: an integer of at least 1, or one with - and 16 hexadecimal digits behind it")

// parseToken reads what claim printed, or the number alone, which may be of any queue.
func parseToken(text string) (t token, err error) {
	number, creation, tied := strings.Cut(text, "-")
	t.number, err = strconv.ParseInt(number, 10, 64)
	if err != nil || t.number < 1 {
		return token{}, errToken
	}
	if tied {
		t.creation, err = strconv.ParseUint(creation, 16, 64)
		if err != nil || len(creation) != 16 || t.creation == 0 {
			return token{}, errToken
		}
	}
	return t, nil
}

func (t token) String() string {
	if t.creation == 0 {
		return strconv.FormatInt(t.number, 10)
	}
	return fmt.Sprintf("%d-%016x", t.number, t.creation)
}

// of returns a refusal if the token is of another queue than the one with that creation.
func (t token) of(creation uint64, name, what string) error {
	if t.creation == 0 || creation == 0 || t.creation == creation {
		return nil
	}
	return &queue.Refused{Queue: name, What: what, Code: events.CodeStaleClaim,
		Detail: "the claim was of another queue of that name, which was deleted"}
}
