package nsh_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/nsh"
)

// scapy is the interpreter that `make dissectors` gives scapy to.
const scapy = "../../build/scapy/bin/python"

// missing skips a test, or fails it where CI=true, because a dissector is not there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s must be there where CI=true: make dissectors", what)
	}
	t.Skipf("NOT COMPARED WITH ANOTHER DISSECTOR: %s is not there: make dissectors", what)
}

const vni = 0x123456

// carried is a header as a datagram carries it.
func (g *golden) carried() []byte { return append(nsh.AppendGPE(nil, vni, nsh.NSH), g.bytes...) }

// text is a header in the words of headers.txt.
func text(h *nsh.Header) string {
	oam := ""
	if h.OAM {
		oam = " oam"
	}
	return fmt.Sprintf("spi=%d si=%d ttl=%d%s md=%d next=%d context=%x", h.SPI, h.SI, h.TTL, oam, h.Type, h.Next, h.Context)
}

// Wireshark's dissector reads what is written here as it is read here.
func TestDissectorTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		missing(t, "tshark")
	}
	all := goldens(t)
	file := filepath.Join(t.TempDir(), "nsh.pcap")
	capture := []byte("\xa1\xb2\xc3\xd4\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x65") // of IPv4
	for i := range all {
		p := datagram(all[i].carried())
		for _, n := range []int{i, 0, len(p), len(p)} {
			capture = binary.BigEndian.AppendUint32(capture, uint32(n))
		}
		capture = append(capture, p...)
	}
	if err := os.WriteFile(file, capture, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-r", file, "-T", "fields", "-E", "separator=/s", "-E", "occurrence=f", "-E", "quote=d"}
	for _, field := range []string{"vxlan.vni", "nsh.version", "nsh.Obit", "nsh.ttl", "nsh.length", "nsh.mdtype", "nsh.nextproto", "nsh.spi", "nsh.si", "_ws.malformed"} {
		args = append(args, "-e", field)
	}
	out, err := exec.CommandContext(t.Context(), "tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(all) {
		t.Fatalf("tshark reads %d packets of %d:\n%s", len(lines), len(all), out)
	}
	for i, g := range all {
		oam := 0
		if g.header.OAM {
			oam = 1
		}
		h := &g.header
		want := fmt.Sprintf(`"%d" "0" "%d" "0x%04x" "%d" "%d" "%d" "%d" "%d"`, vni, oam, h.TTL, h.Len()/4, h.Type, h.Next, h.SPI, h.SI)
		if got := strings.TrimSpace(lines[i]); got != want {
			t.Errorf("%s: tshark reads\n%s, want\n%s", g.says, got, want)
		}
	}
}

// datagram is a UDP datagram of VXLAN-GPE in IPv4.
func datagram(payload []byte) []byte {
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(payload)))
	udp := binary.BigEndian.AppendUint16(nil, 49152)
	udp = binary.BigEndian.AppendUint16(udp, nsh.GPEPort)
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(payload)))
	return append(append(ip, append(udp, 0, 0)...), payload...)
}

// Scapy reads what is written here as it is read here, and what scapy builds of that is read here
// as what it was built of.
func TestDissectorScapy(t *testing.T) {
	if _, err := os.Stat(scapy); err != nil {
		missing(t, "scapy")
	}
	all := goldens(t)
	var in bytes.Buffer
	for i := range all {
		fmt.Fprintf(&in, "%x\n", all[i].carried())
	}
	cmd := exec.CommandContext(t.Context(), scapy, "testdata/dissect.py")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("scapy: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(all) {
		t.Fatalf("scapy reads %d packets of %d:\n%s", len(lines), len(all), out)
	}
	for i := range all {
		g := &all[i]
		said, rest, _ := strings.Cut(lines[i], "|")
		network, built, _ := strings.Cut(rest, "|")
		if want := text(&g.header); said != want || network != fmt.Sprint(vni) {
			t.Errorf("scapy reads\n%s in network %s, want\n%s in network %d", said, network, want, vni)
		}
		b, err := hex.DecodeString(built)
		if err != nil {
			t.Fatal(err)
		}
		of, next, b, err := nsh.DecodeGPE(b)
		h, left, err2 := nsh.Decode(b)
		if err != nil || err2 != nil || of != vni || next != nsh.NSH || len(left) > 0 || text(&h) != text(&g.header) {
			t.Errorf("what scapy builds is read as %s in network %d, with %x behind it (%v, %v), want %s", text(&h), of, left, err, err2, g.says)
		}
	}
}
