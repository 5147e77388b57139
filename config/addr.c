/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int
addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool
addr_is_zero(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->octet, zero, sizeof(zero)) == 0;
}

bool
addr_is_multicast(const struct addr *a)
{
	if (a->family == ADDR_V4)
		return (a->octet[0] & 0xf0) == 0xe0;
	return a->family == ADDR_V6 && a->octet[0] == 0xff;
}

bool
addr_is_link_multicast(const struct addr *a)
{
	if (a->family == ADDR_V4)
		return a->octet[0] == 224 && a->octet[1] == 0 && a->octet[2] == 0;
	return a->family == ADDR_V6 && a->octet[0] == 0xff && (a->octet[1] & 0x0f) == 2;
}

uint32_t
addr_hash(const struct addr *a, uint32_t seed)
{
	const uint8_t *p = (const uint8_t *)a;
	uint32_t h = seed ^ 2166136261u;

	for (size_t i = 0; i < sizeof(*a); i++)
		h = (h ^ p[i]) * 16777619u;
	h ^= h >> 15; /* FNV alone leaves the low bits of neighbours alike */
	return h * 0x85ebca6bu ^ (h >> 13);
}

int
addr_from_bytes(struct addr *a, const uint8_t *octets, size_t n)
{
	struct addr out = { 0 };

	if (n != 0 && n != 4 && n != 16)
		return -EAFNOSUPPORT;
	out.family = n == 4 ? ADDR_V4 : n == 16 ? ADDR_V6 : ADDR_NONE;
	if (n > 0)
		memcpy(out.octet, octets, n);
	*a = out;
	return 0;
}

int
addr_parse(const char *text, struct addr *a)
{
	struct addr out = { 0 };

	if (inet_pton(AF_INET, text, out.octet) == 1)
		out.family = ADDR_V4;
	else if (inet_pton(AF_INET6, text, out.octet) == 1)
		out.family = ADDR_V6;
	else
		return -EINVAL;
	*a = out;
	return 0;
}

const char *
addr_print(const struct addr *a, char *buf)
{
	int af = a->family == ADDR_V6 ? AF_INET6 : AF_INET;

	if (a->family == ADDR_NONE || inet_ntop(af, a->octet, buf, ADDR_TEXT_BYTES) == NULL)
		strcpy(buf, "-");
	return buf;
}

int
prefix_parse(const char *text, struct prefix *p)
{
	char host[ADDR_TEXT_BYTES];
	const char *slash = strchr(text, '/');
	struct prefix out = { 0 };
	char *end;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (addr_parse(host, &out.addr) != 0)
		return -EINVAL;

	if (slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	unsigned long bits = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || bits > addr_bytes(&out.addr) * 8u)
		return -EINVAL;
	out.bits = (uint8_t)bits;
	*p = out;
	return 0;
}

const char *
prefix_print(const struct prefix *p, char *buf)
{
	addr_print(&p->addr, buf);
	size_t n = strlen(buf);
	snprintf(buf + n, ADDR_TEXT_BYTES - n, "/%u", p->bits);
	return buf;
}

bool
prefix_has(const struct prefix *p, const struct addr *a)
{
	uint8_t whole = p->bits / 8, rest = p->bits % 8;

	if (p->addr.family != a->family || a->family == ADDR_NONE)
		return false;
	if (memcmp(p->addr.octet, a->octet, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.octet[whole] ^ a->octet[whole]) >> (8 - rest)) == 0;
}

bool
prefix_covers(const struct prefix *p, const struct prefix *q)
{
	return q->bits >= p->bits && prefix_has(p, &q->addr);
}

bool
prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && addr_equal(&a->addr, &b->addr);
}

struct prefix
prefix_network(const struct prefix *p)
{
	struct prefix n = *p;
	uint8_t whole = n.bits / 8, rest = n.bits % 8;

	if (rest != 0) {
		n.addr.octet[whole] &= (uint8_t)(0xff << (8 - rest));
		whole++;
	}
	memset(n.addr.octet + whole, 0, sizeof(n.addr.octet) - whole);
	return n;
}

struct prefix
prefix_host(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .bits = (uint8_t)(addr_bytes(a) * 8) };
}
