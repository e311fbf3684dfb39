package request

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

func badNeeds(format string, args ...any) error {
	return events.Refuse(events.CodeBadNeeds, format, args...)
}

// Needs reads what a request needs of an engine, by dimension: one slot if it says
// nothing. The error is a refusal with BAD_NEEDS.
func Needs(in map[string]*structpb.Value) (map[string]int64, error) {
	needs, err := parseNeeds(in)
	if needs == nil && err == nil {
		needs = map[string]int64{"slots": 1}
	}
	return needs, err
}

// parseNeeds reads needs: integers of at least 0, or quantities such as "64Mi". It is
// nil for one slot, which is the default.
func parseNeeds(in map[string]*structpb.Value) (map[string]int64, error) {
	if len(in) == 0 {
		return nil, nil
	}
	if len(in) > events.MaxDimensions {
		return nil, badNeeds("needs have %d dimensions; at most %d are allowed", len(in), events.MaxDimensions)
	}
	out := make(map[string]int64, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if !events.IsDimension(name) {
			return nil, badNeeds("%.80q is no name of a dimension; use a-z, 0-9 and _, beginning with a letter, at most 63 of them", name)
		}
		amount, err := parseAmount(name, in[name])
		if err != nil {
			return nil, err
		}
		out[name] = amount
	}
	if len(out) == 1 && out["slots"] == 1 {
		return nil, nil
	}
	return out, nil
}

func parseAmount(name string, v *structpb.Value) (int64, error) {
	switch k := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		n := k.NumberValue
		if n == math.Trunc(n) && n > maxNumber {
			return 0, badNeeds("needs.%s is a number of 2^53 or more, which loses digits on its way: write it as text, such as \"64Mi\" or \"9007199254740993\", up to 2^60", name)
		}
		if n != math.Trunc(n) || n < 0 {
			return 0, badNeeds("needs.%s is %s; give an integer from 0 to 2^53-1, or a quantity as text such as \"64Mi\", up to 2^60", name, number(n))
		}
		return int64(n), nil
	case *structpb.Value_StringValue:
		if n, ok := Quantity(k.StringValue); ok {
			return n, nil
		}
		return 0, badNeeds("needs.%s is %.40q; give an integer of at least 0, or a quantity such as \"64Mi\" that comes to one%s", name, k.StringValue, Meant(k.StringValue))
	}
	return 0, badNeeds("needs.%s is neither a number nor a quantity such as \"64Mi\"", name)
}

// maxNumber is the largest integer that no other becomes on its way through a JSON
// number: 2^53 may have been 2^53+1.
const maxNumber = 1<<53 - 1

// number writes a number as people do: an integer with all its digits.
func number(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e21 {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

// units of quantities: value = number * by / over.
var units = []struct {
	suffix   string
	by, over int64
}{
	{"Ki", 1 << 10, 1}, {"Mi", 1 << 20, 1}, {"Gi", 1 << 30, 1}, {"Ti", 1 << 40, 1}, {"Pi", 1 << 50, 1}, {"Ei", 1 << 60, 1},
	{"k", 1e3, 1}, {"M", 1e6, 1}, {"G", 1e9, 1}, {"T", 1e12, 1}, {"P", 1e15, 1}, {"E", 1e18, 1}, {"m", 1, 1000},
}

// Meant is what to say of a text that is no quantity because it ends with a B, as in
// "24GiB"; empty for others.
func Meant(text string) string {
	meant := strings.TrimSpace(strings.TrimSuffix(text, "B"))
	if _, ok := Quantity(meant); !ok || meant == text {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", meant)
}

// Quantity reads an integer of at least 0 or a quantity such as "64Mi": digits,
// with a decimal point perhaps, and a unit. Only what comes to an integer from 0 to
// 2^60 is a quantity here; ok is false for all else.
func Quantity(text string) (n int64, ok bool) {
	by, over := int64(1), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, by, over = rest, u.by, u.over
			break
		}
	}
	whole, fraction, dotted := strings.Cut(text, ".")
	digits := whole + fraction
	if len(digits) == 0 || len(digits) > 30 || dotted && (whole == "" || fraction == "") {
		return 0, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
	}
	amount, _ := new(big.Int).SetString(digits, 10)
	amount.Mul(amount, big.NewInt(by))
	divisor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(fraction))), nil)
	divisor.Mul(divisor, big.NewInt(over))
	amount, rest := amount.QuoRem(amount, divisor, new(big.Int))
	if rest.Sign() != 0 || amount.Cmp(big.NewInt(events.MaxAmount)) > 0 {
		return 0, false
	}
	return amount.Int64(), true
}
