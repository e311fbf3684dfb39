//go:build !linux && !openbsd && !darwin

package steady

func elapsed() int64 { return monotonic() }
