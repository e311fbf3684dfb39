// Package link is the noun link: what a site copies from others, and how it stands.
package link
