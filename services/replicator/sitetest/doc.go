// Package sitetest is what the tests of replicators and of fail-over have in common: a
// cluster for each site, embedded or a real Apache Kafka, that can be away for a while; the
// service that runs there; and what is written to its topics and stands in them.
package sitetest
