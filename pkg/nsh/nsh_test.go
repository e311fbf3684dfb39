package nsh_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/nsh"
)

// golden is a header of testdata/headers.txt.
type golden struct {
	says   string
	header nsh.Header
	bytes  []byte
}

// goldens reads them.
func goldens(tb testing.TB) (all []golden) {
	tb.Helper()
	text, err := os.ReadFile("testdata/headers.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		switch line = strings.TrimSpace(line); {
		case line == "":
		case strings.HasPrefix(line, "spi="):
			all = append(all, golden{says: line, header: parse(tb, line)})
		default:
			of := &all[len(all)-1]
			of.bytes = append(of.bytes, unhex(tb, line)...)
		}
	}
	return all
}

func parse(tb testing.TB, line string) (h nsh.Header) {
	tb.Helper()
	for field := range strings.FieldsSeq(line) {
		name, value, _ := strings.Cut(field, "=")
		var err error
		switch name {
		case "spi":
			_, err = fmt.Sscan(value, &h.SPI)
		case "si":
			_, err = fmt.Sscan(value, &h.SI)
		case "ttl":
			_, err = fmt.Sscan(value, &h.TTL)
		case "md":
			_, err = fmt.Sscan(value, &h.Type)
		case "next":
			_, err = fmt.Sscan(value, &h.Next)
		case "oam":
			h.OAM = true
		case "context":
			h.Context = unhex(tb, value)
		default:
			err = errors.New("it is unknown")
		}
		if err != nil {
			tb.Fatalf("%s: %s: %v", line, field, err)
		}
	}
	return h
}

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	return b
}

func equal(a, b nsh.Header) bool {
	same := bytes.Equal(a.Context, b.Context)
	a.Context, b.Context = nil, nil
	return same && fmt.Sprint(a) == fmt.Sprint(b)
}

// What is written is what the RFC draws, and is read as what was written.
func TestHeaders(t *testing.T) {
	all := goldens(t)
	if len(all) < 4 {
		t.Fatalf("there are only %d headers", len(all))
	}
	for _, g := range all {
		b, err := g.header.Append([]byte("before"))
		if err != nil || !bytes.Equal(b, append([]byte("before"), g.bytes...)) {
			t.Errorf("%s is written as %x (%v), want %x", g.says, b[6:], err, g.bytes)
		}
		h, payload, err := nsh.Decode(append(slices.Clone(g.bytes), "payload"...))
		if err != nil || string(payload) != "payload" || !equal(h, g.header) {
			t.Errorf("%x is read as %+v and %q (%v), want %s", g.bytes, h, payload, err, g.says)
		}
	}
}

// Each item of a context is found, with its value alone.
func TestTLVs(t *testing.T) {
	context := goldens(t)[3].header.Context
	var got []string
	err := nsh.EachTLV(context, func(v nsh.TLV) bool {
		got = append(got, fmt.Sprintf("%#x %#x %q", v.Class, v.Type, v.Value))
		return true
	})
	if want := []string{`0x100 0x2 "abcde"`, `0xfff6 0xff ""`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the items are %q (%v), want %q", got, err, want)
	}
	var again []byte
	for _, v := range []nsh.TLV{{0x100, 2, []byte("abcde")}, {0xfff6, 0xff, nil}} {
		if again, err = nsh.AppendTLV(again, v); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(again, context) {
		t.Errorf("they are written as %x, want %x", again, context)
	}
	if _, err := nsh.AppendTLV(nil, nsh.TLV{Value: make([]byte, 128)}); !errors.Is(err, nsh.BadContext) {
		t.Errorf("a value of 128 bytes: %v", err)
	}
}

// What is wrong is refused for what is wrong with it.
func TestMalformed(t *testing.T) {
	for text, want := range map[string]nsh.Malformed{
		"":                           nsh.Short,
		"0fc601 01 000001":           nsh.Short,
		"0fc60101 000001ff 00":       nsh.Short,      // 6 words, of which there are 2
		"4fc20201 000001ff":          nsh.BadVersion, // version 1
		"8fc20201 000001ff":          nsh.BadVersion,
		"0fc20101 000001ff":          nsh.BadLength, // MD type 1 of 2 words
		"0fc70101 000001ff":          nsh.BadLength, // MD type 1 of 7 words
		"0fc10201 000001ff":          nsh.BadLength, // MD type 2 of 1 word
		"0fc00201 000001ff":          nsh.BadLength,
		"0fc20001 000001ff":          nsh.BadMDType,
		"0fc20301 000001ff":          nsh.BadMDType,
		"0fc20f01 000001ff":          nsh.BadMDType, // experiments
		"0fc30201 000001ff 00":       nsh.Short,
		"0fc30201 000001ff 0000007f": nsh.BadContext, // a value of 127 bytes, of which there are 0
	} {
		b := unhex(t, text)
		if _, _, err := nsh.Decode(b); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	for name, c := range map[string]struct {
		h    nsh.Header
		want nsh.Malformed
	}{
		"a TTL of 64":             {nsh.Header{Type: nsh.MDType2, TTL: 64}, nsh.BadTTL},
		"an SPI of 25 bits":       {nsh.Header{Type: nsh.MDType2, SPI: nsh.MaxSPI + 1}, nsh.BadPath},
		"no MD type":              {nsh.Header{}, nsh.BadMDType},
		"MD type 1 of 12 bytes":   {nsh.Header{Type: nsh.MDType1, Context: make([]byte, 12)}, nsh.BadContext},
		"a context of 248 bytes":  {nsh.Header{Type: nsh.MDType2, Context: make([]byte, 248)}, nsh.BadLength},
		"a context of 3 bytes":    {nsh.Header{Type: nsh.MDType2, Context: make([]byte, 3)}, nsh.BadContext},
		"an item that is cut off": {nsh.Header{Type: nsh.MDType2, Context: []byte{0, 0, 0, 8, 1, 2, 3, 4}}, nsh.BadContext},
	} {
		if b, err := c.h.Append(nil); !errors.Is(err, c.want) || len(b) > 0 {
			t.Errorf("%s: %x, %v; want %v", name, b, err, c.want)
		}
	}
}

// A packet is rewritten where it stands, and nothing else of it changes: not the bits that nobody
// has assigned either.
func TestRewriting(t *testing.T) {
	b := unhex(t, "1fc6f101 000001ff 00010203 04050607 08090a0b 0c0d0e0f") // all unassigned bits are set
	p, err := nsh.Check(append(b, "payload"...))
	if err != nil {
		t.Fatal(err)
	}
	if p.TTL() != 63 || p.SI() != 255 || p.Path() != 0x1ff || p.OAM() || p.Next() != nsh.IPv4 || string(p.Payload()) != "payload" {
		t.Errorf("it is read as TTL %d, SI %d, path %#x, OAM %t, next %d, %q", p.TTL(), p.SI(), p.Path(), p.OAM(), p.Next(), p.Payload())
	}
	if err := p.DecrementSI(); err != nil || !p.DecrementTTL() {
		t.Errorf("it ends here: %v", err)
	}
	if want := append(unhex(t, "1f86f101 000001fe 00010203 04050607 08090a0b 0c0d0e0f"), "payload"...); !bytes.Equal(p, want) {
		t.Errorf("it is %x, want %x", []byte(p), want)
	}
	p.SetPath(0x010203<<8 | 4)
	if want := append(unhex(t, "1f86f101 01020304 00010203 04050607 08090a0b 0c0d0e0f"), "payload"...); !bytes.Equal(p, want) {
		t.Errorf("it is %x, want %x", []byte(p), want)
	}
}

// A TTL that comes to 0 ends the way of a packet; one of 0 begins anew (section 2.2). A service
// index of 0 stays.
func TestTheWayEnds(t *testing.T) {
	for ttl := range uint8(64) {
		b, err := (&nsh.Header{Type: nsh.MDType2, TTL: ttl, SI: 1}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		p := nsh.Packet(b)
		if forward := p.DecrementTTL(); p.TTL() != (ttl+63)%64 || forward != (ttl != 1) {
			t.Errorf("TTL %d becomes %d, and is forwarded: %t", ttl, p.TTL(), forward)
		}
		if err := p.DecrementSI(); err != nil || p.SI() != 0 {
			t.Errorf("SI 1 becomes %d: %v", p.SI(), err)
		}
		if err := p.DecrementSI(); !errors.Is(err, nsh.NoIndex) || p.SI() != 0 {
			t.Errorf("SI 0 becomes %d: %v", p.SI(), err)
		}
	}
}

// The header that carries it between hosts is that of the draft.
func TestGPE(t *testing.T) {
	b := nsh.AppendGPE(nil, 0x123456, nsh.NSH)
	if want := unhex(t, "0c000004 12345600"); !bytes.Equal(b, want) {
		t.Errorf("it is written as %x, want %x", b, want)
	}
	for text, want := range map[string]string{
		"0c000004 12345600 aa": "0x123456 4 aa <nil>",
		"0400 0001 12345600":   "0x0 1  <nil>", // no network identifier
		"0c000004 123456":      "0x0 0  " + nsh.Short.Error(),
		"1c000004 12345600":    "0x0 0  " + nsh.BadGPE.Error(), // version 1
		"08000004 12345600":    "0x0 0  " + nsh.BadGPE.Error(), // no next protocol
	} {
		vni, next, payload, err := nsh.DecodeGPE(unhex(t, text))
		if got := fmt.Sprintf("%#x %d %x %v", vni, next, payload, err); got != want {
			t.Errorf("%s is read as %q, want %q", text, got, want)
		}
	}
}

// Nothing that a forwarder does with a packet needs memory, nor does refusing one.
func TestNoMemory(t *testing.T) {
	all := goldens(t)
	buf := make([]byte, 0, 512)
	bad := unhex(t, "4fc20201 000001ff")
	n := testing.AllocsPerRun(100, func() {
		for i := range all {
			b, err := all[i].header.Append(nsh.AppendGPE(buf, 1, nsh.NSH))
			if err != nil {
				t.Fatal(err)
			}
			_, _, b, err = nsh.DecodeGPE(b)
			if err != nil {
				t.Fatal(err)
			}
			p, err := nsh.Check(b)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.DecrementSI()
			p.DecrementTTL()
			p.SetPath(p.Path())
			if _, _, err := nsh.Decode(b); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := nsh.Check(bad); err == nil {
			t.Fatal("it is not refused")
		}
	})
	if n > 0 {
		t.Errorf("it takes %v allocations", n)
	}
}

// Whatever comes is read without a panic; what is read is written as it came, but for bits that
// nobody has assigned; and a packet that is rewritten differs in nothing else.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(append(g.bytes, "payload"...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, err := nsh.Decode(b)
		p, checked := nsh.Check(b)
		if checked != nil {
			if err == nil {
				t.Fatalf("it is read, and refused: %v", checked)
			}
			return
		}
		before := slices.Clone(b)
		indexed := p.DecrementSI() == nil
		p.DecrementTTL()
		p.SetPath(p.Path())
		mask := slices.Clone(before)
		mask[0], mask[1] = before[0]&0xf0|b[0]&0xf, before[1]&0x3f|b[1]&0xc0
		if indexed {
			mask[7]--
		}
		if !bytes.Equal(b, mask) {
			t.Fatalf("%x was rewritten to %x", before, b)
		}
		if err != nil { // Its TLVs are bad.
			return
		}
		again, err := h.Append(nil)
		if err != nil {
			t.Fatalf("%x is read as %+v, which is not written: %v", before, h, err)
		}
		before[0], before[2] = before[0]&^0x10, before[2]&0xf
		if !bytes.Equal(append(again, payload...), before) {
			t.Fatalf("%x is written as %x", before, again)
		}
	})
}

// A datagram is read without a panic.
func FuzzDecodeGPE(f *testing.F) {
	f.Add(nsh.AppendGPE(nil, 7, nsh.NSH))
	f.Fuzz(func(t *testing.T, b []byte) {
		vni, next, payload, err := nsh.DecodeGPE(b)
		if err != nil {
			return
		}
		if again := nsh.AppendGPE(nil, vni, next); !bytes.Equal(again[3:7], b[3:7]) && b[0]&8 != 0 || len(payload) != len(b)-nsh.GPELen {
			t.Fatalf("%x is written as %x", b, again)
		}
	})
}

// BenchmarkRewrite is what each hop does with a header.
func BenchmarkRewrite(b *testing.B) {
	packet := goldens(b)[0].bytes
	for b.Loop() {
		p, err := nsh.Check(packet)
		if err != nil {
			b.Fatal(err)
		}
		p.SetPath(p.Path() | 0xff)
		_ = p.DecrementSI()
		p.DecrementTTL()
	}
}
