#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Cells of the interop matrix: peer x authentication x IKE suite x ESP suite x mode x who begins x NAT.

usage: matrix_cells.py                  a pairwise cover: of each two axes all values meet somewhere
       matrix_cells.py --each           a handful: each value of each axis somewhere
       matrix_cells.py --full           all cells
       matrix_cells.py --random:N:SEED  N of those that are not in the cover, by that seed
       matrix_cells.py --why            what is left out, and why

One cell a line, its values in the order of AXES, suites in strongSwan's spelling as navectl shows
them. The same every time. Those behind a NAT come last, of either those with a key first: it
does not inherit what a certificate registered. NAVE_GUESTS is the release of Debian whose programs
the peers are.
"""
import collections
import itertools
import os
import random
import re
import sys

BOOKWORM = os.environ.get("NAVE_GUESTS", "bookworm") == "bookworm"

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

# What a peer cannot do: (why, with these guests?, does this cell want it?).
EXCLUDED = (
	(
		"OpenIKED reaches the Linux kernel by PF_KEY: no AEAD, no SHA-256, no ESN in ESP",
		True,
		lambda c: c["peer"] == "openiked" and c["esp"] not in AXES["esp"][:3],
	),
	(
		# 4 deletes the child SA for it, 5 then asks for another one, which we answer as it likes.
		"libreswan refuses the outer address in the selectors of transport mode behind a NAT"
		" (RFC 7296, 2.23.1), and 4 does not ask again",
		True,
		lambda c: c["peer"] == "libreswan"
		and (c["mode"], c["nat"]) == ("transport", "nat")
		and (BOOKWORM or c["by"] == "hub"),
	),
	(
		# With pfs=yes it rekeys the child of IKE_AUTH, and lets us rekey it, with that group only,
		# whatever group esp= names (with pfs=no with none): scenario libreswan-suites has it so.
		"libreswan 4 takes the group of the IKE SA for PFS",
		BOOKWORM,
		lambda c: c["peer"] == "libreswan"
		and any(g in c["esp"] and g not in c["ike"] for g in GROUPS),
	),
	(
		"OpenIKED signs by RFC 7427 whenever the hub can",
		True,
		lambda c: c["peer"] == "openiked" and c["auth"] == "rsa-2048-sha1",
	),
)


def possible():
	cells = (dict(zip(AXES, values)) for values in itertools.product(*AXES.values()))
	return [c for c in cells if not any(wanted(c) for _, wanted in excluded())]


def excluded():
	return [(why, wanted) for why, holds, wanted in EXCLUDED if holds]


def cover(cells, together=2):
	"""Greedy: the cell with most pairs that are not covered; of equals the one least like the others."""
	wanted = [(cell, set(itertools.combinations(cell.items(), together))) for cell in cells]
	missing = set().union(*(values for _, values in wanted))
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


def sample(cells, n, seed):
	known = cover(cells)
	rest = [c for c in cells if c not in known]
	return random.Random(seed).sample(rest, min(n, len(rest)))


def turn(cell):
	return cell["nat"] == "nat", cell["auth"] != "psk"


def main():
	args = " ".join(sys.argv[1:])
	if args == "--why":
		print(*(why for why, _ in excluded()), sep="\n")
		return
	cells = possible()
	if drawn := re.fullmatch(r"--random:(\d+):(\w+)", args):
		cells = sample(cells, int(drawn[1]), drawn[2])
	elif args in ("", "--each"):
		cells = cover(cells, 1 if args else 2)
	elif args != "--full":
		sys.exit(__doc__)
	for cell in sorted(cells, key=turn):
		print(*cell.values())


main()
