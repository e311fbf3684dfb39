// Package principal is the noun principal: who may connect to a cluster, and the rights of
// its role, in the order in which a file declares them: users first, for one without rights
// can do nothing. All is sent in two requests, and what was done stays if the second fails:
// doing it again is right. What principals there are is the cluster's to say: list and show
// ask it, and compare what it has with what roles need.
package principal
