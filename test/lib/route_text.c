/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/route_text.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct addr
addr_of_text(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a) != 0) {
		printf("# no address: %s\n", text);
		abort();
	}
	return a;
}

struct prefix
prefix_of_text(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) != 0) {
		printf("# no prefix: %s\n", text);
		abort();
	}
	return p;
}

static uint8_t
protocol_of(const char *word)
{
	if (strcmp(word, "kernel") == 0)
		return RTPROT_KERNEL;
	if (strcmp(word, "bgp") == 0)
		return RTPROT_BGP;
	if (strcmp(word, "static") == 0)
		return RTPROT_STATIC;
	abort();
}

/** One word with its value; a "dev" completes a next hop. */
static void
word_take(struct rib_route_in *in, const char *word, char **save)
{
	struct rib_hop_in *last = &in->hops[in->hops_count - (in->hops_count > 0)];

	if (strcmp(word, "local") == 0)
		in->type = RIB_ROUTE_LOCAL;
	else if (strcmp(word, "drop") == 0)
		in->type = RIB_ROUTE_DROP;
	else if (strcmp(word, "dead") == 0)
		last->dead = true;
	else if (strcmp(word, "onlink") == 0)
		last->onlink = true;
	else if (strcmp(word, "via") == 0)
		in->hops[in->hops_count].gateway = addr_of_text(strtok_r(NULL, " ", save));
	else if (strcmp(word, "dev") == 0)
		in->hops[in->hops_count++].ifindex = atoi(strtok_r(NULL, " ", save));
	else if (strcmp(word, "metric") == 0)
		in->metric = (uint32_t)strtoul(strtok_r(NULL, " ", save), NULL, 10);
	else if (strcmp(word, "table") == 0)
		in->table = (uint32_t)strtoul(strtok_r(NULL, " ", save), NULL, 10);
	else if (strcmp(word, "nhid") == 0)
		in->nexthop_id = (uint32_t)strtoul(strtok_r(NULL, " ", save), NULL, 10);
	else if (strcmp(word, "proto") == 0)
		in->protocol = protocol_of(strtok_r(NULL, " ", save));
	else
		abort();
}

struct rib_route_in
route_of_text(const char *text)
{
	struct rib_route_in in = { .table = RT_TABLE_MAIN, .protocol = RTPROT_STATIC };
	char copy[512], *save, *word;

	snprintf(copy, sizeof(copy), "%s", text);
	in.prefix = prefix_of_text(strtok_r(copy, " ", &save));
	while ((word = strtok_r(NULL, " ", &save)) != NULL)
		word_take(&in, word, &save);
	if (in.type == RIB_ROUTE_LOCAL && in.table == RT_TABLE_MAIN)
		in.table = RT_TABLE_LOCAL;
	return in;
}
