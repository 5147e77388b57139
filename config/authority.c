/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/authority.h"

#include <string.h>

#include "config/whom.h"

struct authority
authority_of_key(const struct config_whom *entry)
{
	struct authority a = { .kind = AUTHORITY_OWN_KEY };
	uint64_t h;

	/* One entry at most is for exactly this identity, however it is spelled there. */
	if (entry->fit == FIT_WHOLE && entry->identity.type != ID_NONE)
		return a;
	h = whom_hash(entry);
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
