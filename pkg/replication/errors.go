package replication

import (
	"cmp"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// Refused says that a call was understood and refused; nothing has changed. Code is
// stable. Compare it by errors.Is with ErrUnknownLink and its like.
type Refused struct {
	// What was to be done, such as: pause link orders. It is empty in what is compared with.
	What string
	Code events.Code
	// Link is the one that is in the way, if one is.
	Link *Link
	// Detail says what is so, if more is known than the code tells.
	Detail string
}

// The refusals, for errors.Is.
var (
	ErrUnknownLink   = &Refused{Code: events.CodeUnknownLink}
	ErrUnknownGroup  = &Refused{Code: events.CodeUnknownGroup}
	ErrExists        = &Refused{Code: events.CodeLinkExists}
	ErrStaleRevision = &Refused{Code: events.CodeStaleRevision}
	ErrConflict      = &Refused{Code: events.CodeLinkConflict}
	ErrFailedOver    = &Refused{Code: events.CodeLinkFailedOver}
	ErrBadPattern    = &Refused{Code: events.CodeBadPattern}
	ErrBadData       = &Refused{Code: events.CodeBadData}
	ErrTooMany       = &Refused{Code: events.CodeBadCount}
	ErrTooLate       = &Refused{Code: events.CodeTooLate}
	ErrReadOnly      = &Refused{Code: events.CodeReadOnlyMirror}
)

// said is what is so, and what to do about it, for each code.
var said = map[events.Code][2]string{
	events.CodeUnknownLink:          {"there is no such link", "look for its name (spanway link list), or declare it (spanway link apply)"},
	events.CodeUnknownGroup:         {"there is no such group", "look for its name (spanway link group list)"},
	events.CodeUnknownApplication:   {"no application of that name has announced anything in this cluster", "look for its name (spanway link applications)"},
	events.CodeUnknownConsumerGroup: {"it has committed no offset of the topics that are copied, at the source", "look for its name (spanway link groups without --group)"},
	events.CodeLinkExists:           {"there is a link of that name", "give another name, or change the one that is there"},
	events.CodeStaleRevision:        {"the link has changed since it was read", "read it again, and decide anew"},
	events.CodeLinkConflict:         {"another link copies the same to the same place", "change that one, or give this one another prefix"},
	events.CodeLinkFailedOver:       {"this site is written to since the link was failed over", "to give the fail-over up instead, delete this link, before it the link back at the other site if there is one, and declare this one anew"},
	events.CodeBadPattern:           {"a pattern does not compile", "mend it"},
	events.CodeBadData:              {"a value is not allowed", "mend it"},
	events.CodeBadCount:             {"there are too many links, groups or resumptions", "delete some; a link that was resumed too often, declare under another name"},
	events.CodeTooLate:              {"the call came to stand too far behind what this host had read", "make it again"},
	events.CodeReadOnlyMirror:       {"it is a copy of the links of another site", "make the call there"},
}

func (e *Refused) Error() string {
	text := said[e.Code]
	is := cmp.Or(e.Detail, text[0], "the call is refused")
	if text[1] != "" {
		is += "; " + text[1]
	}
	if e.What == "" {
		return fmt.Sprintf("%s: %s", e.Code, is)
	}
	return fmt.Sprintf("%s: %s: %s", e.What, e.Code, is)
}

// Is tells whether target is a refusal for the same reason.
func (e *Refused) Is(target error) bool {
	t, ok := target.(*Refused)
	return ok && t.What == "" && t.Code == e.Code
}
