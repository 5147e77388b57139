/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_vendor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ID_CHARACTERS 32

/* Products and abilities whose id is a digest, by its first octets; and texts with a shorter name.
 */
static const struct known {
	const char *name;
	const char *begins;
	size_t bytes;
} known[] = {
	{ "strongSwan", "\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb", 16 },
	{ "fragmentation before RFC 7383",
		"\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3", 16 },
	{ "Windows", "\x1e\x2b\x51\x69\x05\x99\x1c\x7d\x7c\x96\xfc\xbf\xb5\x87\xe4\x61", 16 },
	{ "Cisco delete reason", "CISCO-DELETE-REASON", 19 },
	{ "Cisco", "CISCO(COPYRIGHT)", 16 },
	{ "Cisco FlexVPN", "FLEXVPN-SUPPORTED", 17 },
	{ "Cisco dynamic route", "CISCO-DYNAMIC-ROUTE", 19 },
	{ "OpenIKED", "OpenIKED", 8 },
	{ "libreswan", "OE-Libreswan", 12 },
};

/** Nothing that would end a word of the list, or the line. */
static bool
is_text(struct ike_view id)
{
	for (size_t i = 0; i < id.bytes; i++)
		if (id.data[i] < 0x20 || id.data[i] > 0x7e || id.data[i] == ',')
			return false;
	return id.bytes > 0;
}

/** What of it is a text goes on behind the known part: a version. */
static bool
known_print(struct ike_view id, char *out, size_t n)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *k = &known[i];
		struct ike_view rest = { id.data + k->bytes, id.bytes - k->bytes };

		if (id.bytes < k->bytes || memcmp(id.data, k->begins, k->bytes) != 0)
			continue;
		snprintf(out, n, "%s%.*s", k->name,
			is_text(rest) && strncmp(k->name, "Cisco", 5) != 0 ? (int)rest.bytes : 0,
			(const char *)rest.data);
		return true;
	}
	return false;
}

static void
id_print(struct ike_view id, char out[ID_CHARACTERS + 1])
{
	out[0] = '\0';
	if (known_print(id, out, ID_CHARACTERS + 1))
		return;
	if (is_text(id)) {
		snprintf(out, ID_CHARACTERS + 1, "%.*s", (int)id.bytes, (const char *)id.data);
		return;
	}
	for (size_t i = 0; i < id.bytes && i < ID_CHARACTERS / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", id.data[i]);
}

void
ike_vendors_print(const struct ike_payloads *p, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < p->vendors; i++) {
		char id[ID_CHARACTERS + 1];

		id_print(p->vendor[i], id);
		if (id[0] != '\0' && at + strlen(id) + 2 < n)
			at += (size_t)snprintf(out + at, n - at, "%s%s", at > 0 ? ", " : "", id);
	}
}
