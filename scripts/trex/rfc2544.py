#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Throughput by RFC 2544, 26.1: the highest rate without loss, by bisection. Not run by the tests.

  rfc2544.py [--server TREX] [--way decap|encap|hairpin|both] [--spokes N] [--seconds 60]
             [--loss 0.0] [--sizes 64,512,1400,imix]

Needs a TRex server with port 0 at the hub's wan port, port 1 at its lan port, and TRex' python
library in PYTHONPATH (automation/trex_control_plane/interactive). Prints one line per size.
"""
import argparse
import time

from trex.stl.api import STLClient

from nave import Nave

WAN, LAN = 0, 1
INTO = {"decap": [WAN], "encap": [LAN], "hairpin": [WAN], "both": [WAN, LAN]}
WAY_OF = {WAN: "decap", LAN: "encap"}
RESOLUTION = 0.001  # of the line rate
SETTLE_S = 2  # RFC 2544, 23: the last packets arrive


def streams(way, port, size, spokes):
    of_port = way if way == "hairpin" else WAY_OF[port]
    return Nave().get_streams(
        tunables=["--way", of_port, "--bytes", size, "--spokes", str(spokes)])


def register(client, spokes):
    client.reset(ports=[WAN, LAN])
    client.add_streams(Nave().get_streams(
        tunables=["--way", "register", "--spokes", str(spokes)]), ports=[WAN])
    client.start(ports=[WAN], mult="1")
    client.wait_on_traffic(ports=[WAN])
    time.sleep(SETTLE_S)


def trial(client, ports, percent, seconds):
    """Part of what was sent that did not come back, and packets per second that did."""
    client.clear_stats()
    client.start(ports=ports, mult=f"{percent:.4f}%", duration=seconds)
    client.wait_on_traffic(ports=ports)
    time.sleep(SETTLE_S)
    stats = client.get_stats()
    sent = sum(stats[p]["opackets"] for p in ports)
    got = stats[WAN]["ipackets"] + stats[LAN]["ipackets"]
    return (sent - got) / sent if sent else 1.0, got / seconds


def search(client, way, size, args):
    ports = INTO[way]
    client.reset(ports=[WAN, LAN])
    for port in ports:
        client.add_streams(streams(way, port, size, args.spokes), ports=[port])
    low, high, best = 0.0, 100.0, 0.0
    while high - low > 100 * RESOLUTION:
        rate = high if low == 0.0 and high == 100.0 else (low + high) / 2
        loss, pps = trial(client, ports, rate, args.seconds)
        if loss <= args.loss:
            low, best = rate, pps
            if rate == 100.0:
                break
        else:
            high = rate if rate < 100.0 else 99.999
    return low, best


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="127.0.0.1")
    parser.add_argument("--way", choices=INTO, default="decap")
    parser.add_argument("--spokes", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--sizes", default="64,512,1400,imix")
    args = parser.parse_args()
    client = STLClient(server=args.server)
    client.connect()
    try:
        client.acquire(ports=[WAN, LAN], force=True)
        register(client, args.spokes)
        print(f"{'bytes':>6} {'line %':>8} {'Mpps':>8}")
        for size in args.sizes.split(","):
            percent, pps = search(client, args.way, size, args)
            print(f"{size:>6} {percent:8.2f} {pps / 1e6:8.3f}", flush=True)
    finally:
        client.disconnect()


if __name__ == "__main__":
    main()
