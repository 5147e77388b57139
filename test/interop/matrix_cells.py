#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Cells of the interop matrix: peer x authentication x IKE suite x ESP suite x mode x who begins x NAT.

usage: matrix_cells.py          a pairwise cover: of each two axes all values meet somewhere
       matrix_cells.py --full   all cells
       matrix_cells.py --why    what is left out, and why

One cell a line, its values in the order of AXES, suites in strongSwan's spelling as navectl shows
them. The same every time. Those behind a NAT come last.
"""
import collections
import itertools
import sys

AXES = {
	"peer": ("strongswan", "libreswan", "openiked"),
	"auth": ("psk", "ecdsa-p256", "rsa-2048", "rsa-2048-sha1"),  # the last without RFC 7427
	"ike": (
		"aes128-sha1-prfsha1-modp2048",
		"aes256-sha256-prfsha256-curve25519",
		"aes256gcm16-prfsha384-ecp384",
		"aes256-sha512-prfsha512-modp3072",
		"aes128-sha256-prfsha256-ecp256",
	),
	"esp": (  # a group is PFS
		"aes128-sha1",
		"aes256-sha1-modp2048",
		"aes256-sha512-ecp256",
		"aes256-sha256-esn",
		"aes128gcm16",
		"aes256gcm16-ecp384-esn",
		"chacha20poly1305-curve25519",
	),
	"mode": ("transport", "tunnel"),
	"by": ("spoke", "hub"),
	"nat": ("direct", "nat"),
}

GROUPS = ("modp2048", "ecp256", "ecp384", "curve25519")

# What a peer cannot do: (why, does this cell want it?).
EXCLUDED = (
	(
		"OpenIKED reaches the Linux kernel by PF_KEY: no AEAD, no SHA-256, no ESN in ESP",
		lambda c: c["peer"] == "openiked" and c["esp"] not in AXES["esp"][:3],
	),
	(
		"libreswan 4 refuses the outer address in the selectors of transport mode behind a NAT"
		" (RFC 7296, 2.23.1)",
		lambda c: c["peer"] == "libreswan" and (c["mode"], c["nat"]) == ("transport", "nat"),
	),
	(
		"libreswan 4 takes the group of the IKE SA for PFS",
		lambda c: c["peer"] == "libreswan"
		and any(g in c["esp"] and g not in c["ike"] for g in GROUPS),
	),
	(
		"a spoke behind a NAT cannot be dialled, and a hub that takes any mode asks for transport",
		lambda c: c["by"] == "hub" and (c["mode"], c["nat"]) != ("transport", "direct"),
	),
	(
		"OpenIKED signs by RFC 7427 whenever the hub can",
		lambda c: c["peer"] == "openiked" and c["auth"] == "rsa-2048-sha1",
	),
)


def possible():
	cells = (dict(zip(AXES, values)) for values in itertools.product(*AXES.values()))
	return [c for c in cells if not any(wanted(c) for _, wanted in EXCLUDED)]


def pairs(cell):
	return set(itertools.combinations(cell.items(), 2))


def cover(cells):
	"""Greedy: the cell with most pairs that are not covered; of equals the one least like the others."""
	missing = set().union(*map(pairs, cells))
	wanted = [(cell, pairs(cell)) for cell in cells]
	used = collections.Counter()
	chosen = []
	while missing:
		best, covers = max(wanted, key=lambda w: (len(w[1] & missing), -uses(w[0], used)))
		missing -= covers
		used.update(best.items())
		chosen.append(best)
	return chosen


def uses(cell, used):
	return sum(used[item] for item in cell.items())


def main():
	if sys.argv[1:] == ["--why"]:
		print(*(why for why, _ in EXCLUDED), sep="\n")
		return
	if sys.argv[1:] not in ([], ["--full"]):
		sys.exit(__doc__)
	cells = possible() if sys.argv[1:] else cover(possible())
	for cell in sorted(cells, key=lambda c: c["nat"] == "nat"):
		print(*cell.values())


main()
