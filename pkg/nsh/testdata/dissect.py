"""Reads and builds packets with scapy's layers for VXLAN-GPE and NSH.

Each line of standard input is the hex of a VXLAN-GPE header with a Network Service Header behind
it. For each, a line of standard output has what scapy reads there, in the words of headers.txt,
and the hex of the packet that scapy builds of these values.
"""
import struct
import sys

from scapy.contrib.nsh import NSH, NSHTLV
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw


def items(h):
    """The context of MD type 2, of the values of its items."""
    out = b""
    for v in h.vlch:
        out += struct.pack("!HBB", v.class_, v.type, v.length) + b"".join(struct.pack("!I", w) for w in v.metadata)
    return out


for line in sys.stdin:
    carrier = VXLAN(bytes.fromhex(line))
    h = carrier[NSH]
    values = {"oam": h.oam, "ttl": h.ttl, "mdtype": h.mdtype, "nextproto": h.nextproto, "spi": h.spi, "si": h.si}
    if h.mdtype == 1:
        context = values["context_header"] = h.context_header
    else:
        context = items(h)
        values["vlch"] = [NSHTLV(class_=v.class_, type=v.type, length=v.length, metadata=v.metadata) for v in h.vlch]
    built = bytes(VXLAN(flags=0x0C, vni=carrier.vni, NextProtocol=4) / NSH(**values))
    if Raw in carrier and h.nextproto not in (1, 2, 3, 4):
        raise SystemExit(f"scapy finds more than a header: {carrier!r}")
    oam = " oam" if h.oam else ""
    print(f"spi={h.spi} si={h.si} ttl={h.ttl}{oam} md={h.mdtype} next={h.nextproto} context={context.hex()}|{carrier.vni}|{built.hex()}")
