#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets of many spokes, for generators that replay a capture.

  nave_packets.py WAY OUT.pcap [--spokes N] [--bytes 64|512|1400|imix] [--key K | --no-key]
                  [--hub-mac MAC] [--count N]

WAY is what the capture is to be sent for:
  register  NHRP registrations of all spokes, once; again before their holding time is over
  decap     from spokes to the LAN host, into the wan port
  encap     from the LAN host to spokes, into the lan port
  hairpin   from each spoke to the next, into the wan port
  check     nothing is written: the packets are read again and compared with what they should be

All of it is for a cloud without protection (a generator has no IKE), as
scripts/pktgen/hub.yaml has it. Nothing but Python is needed. bytes: of the inner IP packet, as in
scripts/bench; imix is 7:4:1 of 64, 570 and 1400.
"""
import argparse
import ipaddress
import struct
import sys

HUB_WAN = "192.0.2.1"  # NBMA address
HUB_TUNNEL = "10.128.0.1"
SPOKE_NBMA = "100.64.0.1"  # of the first; the others follow
SPOKE_TUNNEL = "10.128.1.0"
LAN_HOST = "172.16.0.10"
KEY = 42  # of GRE
HUB_MAC = {"wan": "02:00:00:00:00:01", "lan": "02:00:00:00:00:02"}
PEER_MAC = {"wan": "02:00:00:00:01:01", "lan": "02:00:00:00:01:02"}
SPOKES_MAX = 100000
IMIX = [64] * 7 + [570] * 4 + [1400]

GRE, UDP = 47, 17
ETHER_IPV4, ETHER_NHRP = 0x0800, 0x2001
NHRP_REGISTRATION_REQUEST = 3
HOLD_S = 7200


def nth(base, i):
    """Octets of the i-th address from base on."""
    return (ipaddress.IPv4Address(base) + i).packed


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(src, dst, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(src, dst, size):
    """An IP packet of size octets in all."""
    length = size - 20
    return ipv4(src, dst, UDP, struct.pack("!HHHH", 9, 9, length, 0) + bytes(length - 8))


def gre(key, ether_type, payload):
    if key is None:
        return struct.pack("!HH", 0, ether_type) + payload
    return struct.pack("!HHI", 0x2000, ether_type, key) + payload


def ethernet(port, payload, hub_mac=None):
    """A frame to the hub's port."""
    macs = (hub_mac or HUB_MAC[port], PEER_MAC[port])
    return b"".join(bytes.fromhex(m.replace(":", "")) for m in macs) + struct.pack(
        "!H", ETHER_IPV4) + payload


def nhrp_registration(i):
    """RFC 2332, 5.2.3: spoke i, one CIE with the addresses of the common header."""
    mandatory = struct.pack("!BBHI", 4, 4, 0, i + 1)  # lengths, flags, request id
    mandatory += nth(SPOKE_NBMA, i) + nth(SPOKE_TUNNEL, i) + nth(HUB_TUNNEL, 0)
    mandatory += struct.pack("!BBHHHBBBB", 0, 0xFF, 0, 1400, HOLD_S, 0, 0, 0, 0)
    size = 20 + len(mandatory)

    def fixed(cksum):
        return struct.pack("!HH5sBHHHBBBB", 1, ETHER_IPV4, bytes(5), 255, size, cksum, 0, 1,
                           NHRP_REGISTRATION_REQUEST, 4, 0)

    return fixed(checksum(fixed(0) + mandatory)) + mandatory


def from_spoke(i, key, ether_type, payload, hub_mac=None):
    outer = ipv4(nth(SPOKE_NBMA, i), nth(HUB_WAN, 0), GRE, gre(key, ether_type, payload))
    return ethernet("wan", outer, hub_mac)


def frames(way, spokes, sizes, key=KEY, count=None, hub_mac=None):
    """The frames of a way, one after the other; count: as many, spokes and sizes in turn."""
    for n in range(count or max(spokes, len(sizes))):
        i, size = n % spokes, sizes[n % len(sizes)]
        tunnel = nth(SPOKE_TUNNEL, i)
        if way == "register":
            yield from_spoke(i, key, ETHER_NHRP, nhrp_registration(i), hub_mac)
        elif way == "decap":
            yield from_spoke(i, key, ETHER_IPV4, udp(tunnel, nth(LAN_HOST, 0), size), hub_mac)
        elif way == "encap":
            yield ethernet("lan", udp(nth(LAN_HOST, 0), tunnel, size), hub_mac)
        elif way == "hairpin":
            to = nth(SPOKE_TUNNEL, (i + 1) % spokes)
            yield from_spoke(i, key, ETHER_IPV4, udp(tunnel, to, size), hub_mac)
        else:
            raise ValueError(f"no way {way}: register, decap, encap or hairpin")


def sizes_of(text):
    """"imix" or a number of octets."""
    if text == "imix":
        return IMIX
    size = int(text)
    if not 64 <= size <= 1400:
        raise ValueError(f"bytes {text}: 64 to 1400, or imix")
    return [size]


def write_pcap(path, packets):
    n = 0
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in packets:
            out.write(struct.pack("<IIII", 0, n % 1000000, len(frame), len(frame)) + frame)
            n += 1
    return n


def check():
    """Each layer is found again where it should be, checksums right."""
    for way in ("register", "decap", "encap", "hairpin"):
        for key in (KEY, None):
            for frame, size in zip(frames(way, 5, IMIX, key), IMIX):
                packet = frame[14:]
                assert frame[12:14] == b"\x08\x00" and checksum(packet[:20]) == 0
                assert struct.unpack("!H", packet[2:4])[0] == len(packet)
                if way == "encap":
                    assert len(packet) == size
                    continue
                head = 24 if key is None else 28
                inner = packet[head:]
                assert packet[9] == GRE and packet[16:20] == nth(HUB_WAN, 0)
                if way == "register":
                    assert packet[22:24] == b"\x20\x01" and checksum(inner) == 0
                    assert struct.unpack("!H", inner[10:12])[0] == len(inner)
                else:
                    assert len(inner) == size and checksum(inner[:20]) == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=["register", "decap", "encap", "hairpin", "check"])
    parser.add_argument("out", nargs="?")
    parser.add_argument("--spokes", type=int, default=100)
    parser.add_argument("--bytes", default="imix")
    parser.add_argument("--key", type=int, default=KEY)
    parser.add_argument("--no-key", dest="key", action="store_const", const=None)
    parser.add_argument("--hub-mac", help="of the hub's port (navectl show ports)")
    parser.add_argument("--count", type=int)
    args = parser.parse_args()
    if args.way == "check":
        check()
        return
    if args.out is None or not 1 <= args.spokes <= SPOKES_MAX:
        parser.error(f"needs OUT.pcap, and --spokes from 1 to {SPOKES_MAX}")
    try:
        sizes = sizes_of(args.bytes)
    except ValueError as err:
        parser.error(str(err))
    if args.way == "register":
        args.count, sizes = args.spokes, [64]
    n = write_pcap(args.out, frames(args.way, args.spokes, sizes, args.key, args.count,
                                    args.hub_mac))
    print(f"{args.out}: {n} packets, {args.way}", file=sys.stderr)


if __name__ == "__main__":
    main()
