/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/authority.h"

#include <string.h>

/** FNV-1a over one more piece. Entries come from our own file: nobody else chooses them. */
static uint64_t
hash_more(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

struct authority
authority_of_key(const struct config_whom *entry)
{
	uint64_t h = 14695981039346656037u ^ ((uint64_t)entry->fit << 8 | entry->identity.type);
	struct authority a = { .kind = AUTHORITY_OWN_KEY };

	/* One entry at most is for exactly this identity, however it is spelled there. */
	if (entry->fit == FIT_WHOLE && entry->identity.type != ID_NONE)
		return a;
	h = hash_more(h, entry->identity.data, entry->identity.bytes);
	h = hash_more(h, &entry->address.addr, sizeof(entry->address.addr));
	h = hash_more(h, &entry->address.bits, sizeof(entry->address.bits));
	a.kind = AUTHORITY_KEY;
	memcpy(a.by, &h, sizeof(h));
	return a;
}

struct authority
authority_of_ca(const uint8_t key_digest[AUTHORITY_BYTES])
{
	struct authority a = { .kind = AUTHORITY_CERTIFICATE };

	memcpy(a.by, key_digest, sizeof(a.by));
	return a;
}

bool
authority_may_take(const struct authority *older, const struct authority *newer)
{
	return newer->kind > older->kind ||
		(newer->kind == older->kind &&
			memcmp(newer->by, older->by, sizeof(newer->by)) == 0);
}

const char *
authority_name(const struct authority *a)
{
	static const char *const names[] = {
		[AUTHORITY_NONE] = "nothing",
		[AUTHORITY_KEY] = "a key for several",
		[AUTHORITY_OWN_KEY] = "a key of its own",
		[AUTHORITY_CERTIFICATE] = "a certificate",
	};

	return names[a->kind];
}
