package instruments

var (
	globalManager = of{"global-manager"}
	localManager  = of{"local-manager"}
)

// toSite is the attribute of a site that something goes to: site is that of the process.
const toSite = "to_site"

// Logical networks, as the global manager sees them. Of sites there are as many as it takes.
var (
	GlobalChanges = counter(globalManager, "spanway.manager.global.changes", "{change}",
		"Changes of logical networks that were accepted.")
	GlobalRefused = counter(globalManager, "spanway.manager.global.refused", "{request}",
		"Requests that were refused as a whole, by the code of the first mistake.", "code")
	GlobalObjects = gauge(globalManager, "spanway.manager.global.objects", "{object}",
		"Objects of logical networks.")
	GlobalTerm = gauge(globalManager, "spanway.manager.global.term", "",
		"The term in which changes are decided: one more after each promotion.")
	GlobalWaiting = gauge(globalManager, "spanway.manager.global.waiting", "{entry}",
		"Entries that a site is not known to have applied: what its queue holds, and what is yet to come into it.", toSite)
	GlobalOldest = gauge(globalManager, "spanway.manager.global.waiting.oldest", "s",
		"How long the oldest of these entries waits; 0 if none does.", toSite)
	GlobalOverdue = gauge(globalManager, "spanway.manager.global.overdue", "{entry}",
		"Entries that a site has not applied by the deadline of their changes.", toSite)
	GlobalInFlight = gauge(globalManager, "spanway.manager.global.inflight", "{message}",
		"Entries, and parts of full syncs, that a site was sent and is not known to have.", toSite)
	GlobalSyncs = counter(globalManager, "spanway.manager.global.syncs", "{sync}",
		"Full syncs that were ordered, by reason: NEW_SITE, NEW_TERM, OVERFLOW, REQUESTED, TOO_LARGE, LOST_STATE, or what the local manager has declined: GAP, BAD_ENTRY, BAD_SYNC; OTHER is any other.", "reason")
	GlobalSyncAge = gauge(globalManager, "spanway.manager.global.sync.age", "s",
		"How long ago the full sync was ordered that a site has not applied; 0 if none is under way.", toSite)
)

// Logical networks, as the local manager of a site sees them.
var (
	LocalObjects = gauge(localManager, "spanway.manager.local.objects", "{object}",
		"Objects that the site must have, or has, by state: failed, drifted (and left so), conflict, waiting, in flight, realised. Looked at once a second; of very many objects less often.", "state")
	LocalSequence = gauge(localManager, "spanway.manager.local.sequence", "",
		"Number of the newest entry that is applied.")
	LocalBehind = gauge(localManager, "spanway.manager.local.behind", "{entry}",
		"How many of the newest entries are applied, and not realised as a whole: from the oldest whose objects are not all realised to the newest. Looked at as the objects are.")
	LocalApplied = counter(localManager, "spanway.manager.local.applied", "{entry}",
		"Entries that were applied.")
	LocalDeclined = counter(localManager, "spanway.manager.local.declined", "{entry}",
		"Entries, parts of full syncs and other records of the inbox that change nothing, by code: REPEATED, OLDER_TERM, GAP, BAD_ENTRY, STALE_SYNC, BAD_SYNC, CONFLICT, BAD_PATH.", "code")
	LocalRealisations = counter(localManager, "spanway.manager.local.realisations", "{task}",
		"Tasks that realise objects and have ended, by outcome: realised, failed.", "outcome")
	LocalDrifts = counter(localManager, "spanway.manager.local.drifts", "{object}",
		"Objects that realisers found different from what they must be, by what becomes of them: mended, left.", "action")
	LocalSyncs = counter(localManager, "spanway.manager.local.syncs", "{sync}",
		"Full syncs that were applied.")
	LocalSyncSegments = gauge(localManager, "spanway.manager.local.sync.segments", "{segment}",
		"Segments that are collected of the full sync under way; 0 if none is.")
)
