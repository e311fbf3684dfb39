package instruments

var replicator = of{"replicator"}

// Links, and the audit of what they copy.
var (
	CopiedRecords = counter(replicator, "spanway.replicator.records.copied", "{record}",
		"Records that this process has copied.", "link")
	CopiedBytes = counter(replicator, "spanway.replicator.bytes.copied", "By",
		"Bytes of the records that this process has copied, uncompressed.", "link")
	CopyDropped = counter(replicator, "spanway.replicator.records.dropped", "{record}",
		"Records that are not copied, by reason: looped, relayed, elsewhere, buried.", "link", "reason")
	CopyIncidents = counter(replicator, "spanway.replicator.incidents", "{incident}",
		"What an operator must know of, by reason.", "link", "reason")
	CopySnapshotFailures = counter(replicator, "spanway.replicator.snapshot.failures", "{failure}",
		"Snapshots that gave their place up, by reason: idle, overdue.", "link", "reason")
	AnnouncementsMalformed = counter(replicator, "spanway.replicator.announcements.malformed", "{record}",
		"Records of sources that announce no application, by source.", "source")
	LinkLag = gauge(replicator, "spanway.replicator.lag", "{record}",
		"Offsets of sources that are yet to be decided; at least so many while the source is away. Links that were failed over have none, and those of which nothing is known.", "link")
	LinkLagAge = gauge(replicator, "spanway.replicator.lag.age", "s",
		"How old the oldest record is that waits to be copied, as far as it is known; 0 if none does. Links that were failed over have none, and those of which nothing is known.", "link")
	Copies = gauge(replicator, "spanway.replicator.copies", "{copy}",
		"Copies of this process, by state.", "link", "state")
	CopiesBlocked = gauge(replicator, "spanway.replicator.blocked", "{topic}",
		"Topics that a link of the site chooses and that are not copied, by the code of the problem; a problem of the whole link counts as one. Each replicator of the site tells of all.", "link", "reason")
	AuditWindows = counter(replicator, "spanway.replicator.audit.windows", "{window}",
		"Windows of copies that were compared with their sources, by result: equal, different.", "link", "result")
	AuditRecords = counter(replicator, "spanway.replicator.audit.records", "{record}",
		"Records of both sides that were read to compare them.", "link")
	AuditSkipped = counter(replicator, "spanway.replicator.audit.skipped", "{record}",
		"Offsets of copies that were deleted before they were compared.", "link")
	AuditBehind = gauge(replicator, "spanway.replicator.audit.behind", "{record}",
		"Offsets of copies that are yet to be compared.", "link")
)
