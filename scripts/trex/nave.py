# SPDX-License-Identifier: BSD-3-Clause
"""TRex stateless profile: many spokes of a cloud without protection. Not run by the tests.

  trex> start -f nave.py -p 0 -m 1mpps -t --way decap --bytes imix --spokes 1000
  trex> start -f nave.py -p 1 -m 1mpps -t --way encap --bytes imix --spokes 1000

Port 0 is cabled to the hub's wan port, port 1 to its lan port; README.md of this folder has the
whole order. --way register first, once (-m 1): then the hub knows the spokes.
"""
import argparse
import os
import sys

from trex.stl.api import STLPktBuilder, STLStream, STLTXCont, STLTXSingleBurst

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pktgen"))
import nave_packets  # noqa: E402

REGISTRATIONS_PPS = 1000  # the hub takes 2000 per second from one address


class Nave:
    """One stream for each spoke and size, all of one rate: -m scales their sum."""

    def get_streams(self, direction=0, tunables=(), **kwargs):
        parser = argparse.ArgumentParser(description="Streams of nave's spokes")
        parser.add_argument("--way", default="decap",
                            choices=["register", "decap", "encap", "hairpin"])
        parser.add_argument("--bytes", default="imix")
        parser.add_argument("--spokes", type=int, default=1000)
        parser.add_argument("--key", type=int, default=nave_packets.KEY)
        parser.add_argument("--hub-mac", default=None)
        args = parser.parse_args(list(tunables))
        sizes = nave_packets.sizes_of(args.bytes)
        frames = list(nave_packets.frames(args.way, args.spokes, sizes, args.key,
                                          hub_mac=args.hub_mac))
        if args.way == "register":
            return [STLStream(packet=STLPktBuilder(pkt_buffer=frame),
                              mode=STLTXSingleBurst(total_pkts=1, pps=1),
                              isg=i * 1e6 / REGISTRATIONS_PPS)
                    for i, frame in enumerate(frames)]
        return [STLStream(packet=STLPktBuilder(pkt_buffer=frame),
                          mode=STLTXCont(pps=1.0 / len(frames)))
                for frame in frames]


def register():
    return Nave()
