package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Amounts lists slots first, then the other dimensions by name.
func Amounts(m map[string]int64) string {
	names := slices.Sorted(maps.Keys(m))
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == "slots" && b != "slots":
			return -1
		case b == "slots" && a != "slots":
			return 1
		}
		return 0
	})
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = n + "=" + Amount(n, m[n])
	}
	return strings.Join(parts, " ")
}

// Amount writes bytes in binary units, all else as a number.
func Amount(name string, n int64) string {
	if !strings.HasSuffix(name, "bytes") {
		return fmt.Sprint(n)
	}
	for i, unit := range []string{"Ei", "Pi", "Ti", "Gi", "Mi", "Ki"} {
		size := int64(1) << (10 * (6 - i))
		switch {
		case n < size:
		case n%size == 0:
			return fmt.Sprintf("%d%s", n/size, unit)
		default:
			return fmt.Sprintf("%.1f%s", float64(n)/float64(size), unit)
		}
	}
	return fmt.Sprint(n)
}
