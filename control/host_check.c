/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/host_check.h"

#include <dirent.h>
#include <grp.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cores.h"
#include "control/dpif.h"
#include "control/host_device.h"
#include "control/route/context.h"

#define HUGEPAGES "/sys/kernel/mm/hugepages"

/* ---- cores ------------------------------------------------------------------------------- */

/**
 * What the kernel would let us run on. More than we run on now: isolated cores are taken by
 * name only, and what started us may have asked for less.
 */
static cpu_set_t
cpus_allowed(void)
{
	cpu_set_t now, all;

	CPU_ZERO(&all);
	if (sched_getaffinity(0, sizeof(now), &now) != 0)
		return all;
	memset(&all, 0xff, sizeof(all));
	if (sched_setaffinity(0, sizeof(all), &all) == 0)
		sched_getaffinity(0, sizeof(all), &all);
	sched_setaffinity(0, sizeof(now), &now);
	return all;
}

static bool
cpu_exists(unsigned core)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", core);
	return access(path, F_OK) == 0;
}

static void
check_cores(const struct config *c, host_say *say, struct report *r)
{
	struct cores cores;
	cpu_set_t allowed = cpus_allowed();

	(void)cores_parse(c->system.cores, &cores);
	for (uint32_t i = 0; i < cores.count; i++) {
		unsigned core = cores.list[i];

		if (!cpu_exists(core))
			say(r, "system.cores",
				"this machine has no core %u; `lscpu -e` lists those it has", core);
		else if (!CPU_ISSET(core, &allowed))
			say(r, "system.cores",
				"core %u is not ours to run on: it is offline, or a cpuset keeps "
				"it "
				"from us (systemd: AllowedCPUs=); allow it, or name another",
				core);
	}
}

/* ---- hugepages ----------------------------------------------------------------------------- */

struct hugepages {
	uint64_t all_mb, free_mb;
};

static uint64_t
pages_read(const char *size, const char *what)
{
	char path[320], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), HUGEPAGES "/%s/%s", size, what);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	return strtoull(text, NULL, 10);
}

/** Of one size, named as "hugepages-2048kB". */
static void
hugepages_add(const char *size, struct hugepages *h)
{
	uint64_t kb = strtoull(size + strlen("hugepages-"), NULL, 10);
	uint64_t all = pages_read(size, "nr_hugepages"),
		 held = pages_read(size, "surplus_hugepages");
	uint64_t more = pages_read(size, "nr_overcommit_hugepages");
	uint64_t unused = pages_read(size, "free_hugepages"),
		 promised = pages_read(size, "resv_hugepages");

	more = more > held ? more - held : 0;
	unused = unused > promised ? unused - promised : 0;
	h->all_mb += (all + more) * kb / 1024;
	h->free_mb += (unused + more) * kb / 1024;
}

static struct hugepages
hugepages_count(void)
{
	struct hugepages h = { 0 };
	DIR *d = opendir(HUGEPAGES);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, "hugepages-", 10) == 0)
			hugepages_add(e->d_name, &h);
	if (d != NULL)
		closedir(d);
	return h;
}

static void
check_hugepages(const struct config *c, host_say *say, struct report *r)
{
	unsigned need_mb = dpif_memory_mb(c), pages = (need_mb + 1) / 2;
	struct hugepages h;

	if (!c->system.hugepages)
		return;
	h = hugepages_count();
	if (h.all_mb == 0)
		say(r, "system.hugepages",
			"this machine has no hugepages, needed are %u MiB: echo %u > "
			"/proc/sys/vm/nr_hugepages (of 2 MiB), or write hugepages: false (slower)",
			need_mb, pages);
	else if (h.free_mb < need_mb)
		say(r, "system.memory_mb",
			"%u MiB of hugepages are needed, of %" PRIu64 " MiB are %" PRIu64
			" free; reserve more (/proc/sys/vm/nr_hugepages), or lower memory_mb or "
			"max_spokes",
			need_mb, h.all_mb, h.free_mb);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void
check_group(const struct config *c, host_say *say, struct report *r)
{
	const char *group = c->management.group;

	if (group[0] != '\0' && getgrnam(group) == NULL)
		say(r, "management.group",
			"this machine has no group \"%s\"; make it (groupadd --system %s), or name "
			"another",
			group, group);
}

static void
check_host(const struct config *c, host_say *say, struct report *r)
{
	contexts_check(c, r);
	check_cores(c, say, r);
	check_hugepages(c, say, r);
	for (uint32_t i = 0; i < c->ports_count; i++)
		host_device_check(c, i, say, r);
	check_group(c, say, r);
}

void
host_check_start(const struct config *c, struct report *r)
{
	check_host(c, report_error, r);
}

void
host_check_look(const struct config *c, struct report *r)
{
	check_host(c, report_warn, r);
}
