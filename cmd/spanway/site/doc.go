// Package site is the noun site: the sites that logical networks span, and how they stand.
package site
