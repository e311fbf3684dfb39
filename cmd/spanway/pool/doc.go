// Package pool is the noun pool: list, show, watch and set.
package pool
