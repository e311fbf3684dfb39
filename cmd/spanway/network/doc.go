// Package network is the noun network: what logical networks are to be, and how far sites are.
package network
