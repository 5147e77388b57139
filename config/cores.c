/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/cores.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "config/config.h"

static bool
cores_has(const struct cores *c, unsigned long core)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->list[i] == core)
			return true;
	}
	return false;
}

/** A number below CORES_LIMIT; moves *p behind it. */
static bool
number(const char **p, unsigned long *value)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	*value = strtoul(*p, &end, 10);
	*p = end;
	return *value < CORES_LIMIT;
}

/** One "a" or "a-b" with a <= b; moves *p behind it. */
static bool
range_add(const char **p, struct cores *c)
{
	unsigned long from, to;

	if (!number(p, &from))
		return false;
	to = from;
	if (**p == '-') {
		(*p)++;
		if (!number(p, &to))
			return false;
	}
	for (unsigned long core = from; core <= to; core++) {
		if (cores_has(c, core))
			return false;
		c->list[c->count++] = (uint16_t)core;
	}
	return from <= to;
}

int
cores_parse(const char *text, struct cores *out)
{
	out->count = 0;
	if (*text == '\0')
		return 0;
	while (range_add(&text, out)) {
		if (*text == '\0')
			return 0;
		if (*text++ != ',')
			break;
	}
	return -EINVAL;
}

uint16_t
config_workers(const struct config_system *s, unsigned ours)
{
	struct cores named;
	uint32_t cores = ours;

	if (s->workers != CONFIG_WORKERS_AUTO)
		return s->workers;
	if (cores_parse(s->cores, &named) == 0 && named.count > 0)
		cores = named.count;
	if (cores < 2)
		return 1;
	return cores - 1 < CONFIG_WORKERS_MAX ? (uint16_t)(cores - 1) : CONFIG_WORKERS_MAX;
}
