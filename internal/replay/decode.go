package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/spanway/spanway/internal/document"
	"github.com/spanway/spanway/pkg/request"
)

// MaxFileBytes bounds what is read of a file of engines or of a policy.
const MaxFileBytes = 1 << 20

// decode reads YAML or JSON; what is not a field of v is refused.
func decode(data []byte, v any) error {
	if len(data) > MaxFileBytes {
		return fmt.Errorf("it has %d bytes; at most %d are read", len(data), MaxFileBytes)
	}
	return document.Decode(data, v)
}

// decodeStream reads a list, or JSON objects one after the other as -o json prints
// lists.
func decodeStream[T any](data []byte) ([]T, error) {
	var list []T
	if !utf8.Valid(data) {
		return nil, errors.New("it is not text in UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return list, decode(data, &list)
	}
	if len(data) > MaxFileBytes {
		return nil, fmt.Errorf("it has %d bytes; at most %d are read", len(data), MaxFileBytes)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	for {
		var one T
		before := d.InputOffset()
		switch err := d.Decode(&one); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		}
		if err := once(json.NewDecoder(bytes.NewReader(data[before:d.InputOffset()]))); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
}

// once refuses a value with an object that has a field twice, of which one is lost
// otherwise.
func once(d *json.Decoder) error {
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return err
	}
	seen := map[json.Token]bool{}
	for d.More() {
		if open == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("field %q is given twice", name)
			}
			seen[name] = true
		}
		if err := once(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// amounts are needs or what an engine has: integers or quantities such as "64Mi".
type amounts map[string]amount

type amount int64

// UnmarshalJSON reads an integer or a quantity.
func (a *amount) UnmarshalJSON(b []byte) error {
	text := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	}
	n, ok := request.Quantity(text)
	if !ok {
		return fmt.Errorf("%.40s is no amount; give an integer of at least 0, or a quantity such as \"64Mi\"", b)
	}
	*a = amount(n)
	return nil
}

// MarshalJSON writes the number.
func (a amount) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, int64(a), 10), nil }

func (m amounts) plain() map[string]int64 {
	if m == nil {
		return nil
	}
	out := make(map[string]int64, len(m))
	for name, n := range m {
		out[name] = int64(n)
	}
	return out
}
