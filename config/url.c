/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/url.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DIGITS   "0123456789"
#define LETTERS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HOST_SET LETTERS DIGITS "-._"
#define PATH_SET LETTERS DIGITS "-._~!$&'()*+,;=:@%/?"

static bool
part(char *to, size_t room, const char *from, size_t n)
{
	if (n == 0 || n >= room)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

/** A name, an address, or one of IPv6 in brackets. Where it ends; NULL: it is none. */
static const char *
host_end(const char *at, struct url *u)
{
	size_t n;

	if (*at == '[') {
		n = strspn(at + 1, DIGITS "abcdefABCDEF:.");
		return at[1 + n] == ']' && part(u->host, sizeof(u->host), at + 1, n) ? at + n + 2
										     : NULL;
	}
	n = strspn(at, HOST_SET);
	return part(u->host, sizeof(u->host), at, n) ? at + n : NULL;
}

int
url_parse(const char *text, struct url *out)
{
	struct url u = { .port = "80", .path = "/" };
	const char *at = strncmp(text, "http://", 7) == 0 ? host_end(text + 7, &u) : NULL;
	size_t n;

	if (at != NULL && *at == ':') {
		n = strspn(++at, DIGITS);
		at = part(u.port, sizeof(u.port), at, n) ? at + n : NULL;
	}
	if (at == NULL)
		return -EINVAL;
	n = strspn(at, PATH_SET);
	if (at[n] != '\0' || (n > 0 && (*at != '/' || !part(u.path, sizeof(u.path), at, n))))
		return -EINVAL;
	*out = u;
	return 0;
}
