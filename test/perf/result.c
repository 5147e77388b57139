/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/result.h"

#include <math.h>

#include <rte_cycles.h>

const char *
direction_name(enum direction d)
{
	static const char *const names[DIRECTIONS] = { "encap", "decap", "hairpin" };

	return names[d];
}

static double
mpps(const struct result *r)
{
	return (double)rte_get_tsc_hz() / r->path / 1e6;
}

/** Two decimals are more than any of it is good for. */
static json_t *
number(double v)
{
	return json_real(round(v * 100) / 100);
}

static json_t *
stages_json(const struct result *r)
{
	json_t *o = json_object();

	for (int s = 0; s < STAGE_COUNT; s++)
		if (r->stage[s] > 0)
			json_object_set_new(o, dp_stage_name(s), number(r->stage[s]));
	json_object_set_new(o, "round", number(r->rest));
	return o;
}

json_t *
result_json(const struct result *r)
{
	json_t *floors = json_object();

	for (int call = 0; call < FLOOR_CALLS; call++)
		if (r->floor[call] > 0)
			json_object_set_new(
				floors, floor_name((enum floor_call)call), number(r->floor[call]));
	return json_pack(
		"{s:s, s:s, s:s, s:b, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, "
		"s:o, s:I}",
		"direction", direction_name(r->c.direction), "suite", r->conf.suite->name, "mode",
		r->conf.tunnel_mode ? "tunnel" : "transport", "udp", r->conf.udp, "bytes",
		r->c.bytes == IMIX ? json_string("imix") : json_integer(r->c.bytes), "peers",
		(int)r->c.spokes, "workers", 1, "cycles_per_packet", number(r->path),
		"cipher_cycles_per_packet", number(r->cipher), "ratio", number(r->ratio), "mpps",
		number(mpps(r)), "gbit_per_s", number(mpps(r) * r->inner_bytes * 8 / 1e3),
		"io_cycles", number(r->io), "cipher_call", floor_name(r->call), "cipher_calls",
		floors, "stages", stages_json(r), "spread", number(r->spread), "packets",
		(json_int_t)r->packets);
}

void
result_header(FILE *out)
{
	fprintf(out,
		"cycles per packet, one worker; cipher: the cheapest bare call over the same "
		"packets\n"
		"%-8s %-17s %-9s %5s %6s | %6s %6s %5s %-15s | %6s %6s %5s %5s | by stage\n",
		"way", "suite", "mode", "bytes", "peers", "path", "cipher", "ratio", "call", "Mpps",
		"Gbit/s", "io", "+-%");
}

void
result_row(FILE *out, const struct result *r)
{
	char bytes[8] = "imix", mode[16];

	if (r->c.bytes != IMIX)
		snprintf(bytes, sizeof(bytes), "%u", r->c.bytes);
	snprintf(mode, sizeof(mode), "%s%s", r->conf.tunnel_mode ? "tunnel" : "transp",
		r->conf.udp ? "+u" : "");
	fprintf(out,
		"%-8s %-17s %-9s %5s %6u | %6.0f %6.0f %5.2f %-15s | %6.2f %6.2f %5.0f %5.1f |",
		direction_name(r->c.direction), r->conf.suite->name, mode, bytes, r->c.spokes,
		r->path, r->cipher, r->ratio, floor_name(r->call), mpps(r),
		mpps(r) * r->inner_bytes * 8 / 1e3, r->io, r->spread * 50);
	for (int s = 0; s < STAGE_COUNT; s++)
		if (r->stage[s] > 0)
			fprintf(out, " %s %.0f", dp_stage_name(s), r->stage[s]);
	fprintf(out, " round %.0f\n", r->rest);
	fflush(out);
}
