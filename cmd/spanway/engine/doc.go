// Package engine is the noun engine: list, show, watch, drain and resume.
package engine
