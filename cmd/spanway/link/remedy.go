package link

import "fmt"

// remedy is what to do about the reason why a copy has stopped; empty if there is none.
func remedy(reason, link, topic, partition string) string {
	again := fmt.Sprintf("spanway link resume %s --topic %s%s", link, topic, partition)
	switch reason {
	case "foreign_writer":
		return "something else writes to the copy's topic: stop that, then " + again + " --accept-foreign; or declare the link shared"
	case "target_not_empty":
		return "the copy's topic had records before: delete it or set a prefix; or accept them: " + again + " --accept-foreign"
	case "source_changed":
		return "the source topic was created again or has lost records: to copy it from its beginning, behind what is there: " + again + " --from earliest"
	case "overtaken":
		return "retention deleted records before they were copied; to go on without them: " + again + " --from earliest"
	case "uncopyable":
		return "the target does not take a record: raise max.message.bytes of the copy's topic, then " + again + "; or let such records become dead letters (--on-uncopyable go_on)"
	case "misrouted":
		return "a record names its destinations so that they cannot be read: let such records become dead letters (--on-uncopyable go_on), or allow the names"
	case "snapshot_failed":
		return "its snapshot was tried again and again, and made no progress (see the last error); it is tried again when a cluster that was away answers, or at once: " + again
	case sourceRejected:
		return "user, password, certificates or TLS are wrong for the source in the configuration file of the replicator: the problem below says which; link resume does not help"
	case "source_denied":
		return "give the replicator the right at the source that the problem below names; link resume does not help"
	case "beyond_end":
		return "it was to begin anew at an offset behind the end of the source, and nothing was changed: " + again + " --from earliest, or from an offset that the source has; or, once it has so many records, " + again
	case "target_lost":
		return "records that were copied are gone from the end of the copy's topic; to copy all anew, behind what is there: " + again + " --from earliest"
	}
	return ""
}
