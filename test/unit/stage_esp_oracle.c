/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * ESP as another implementation sees it: DPDK's lib/ipsec on a software crypto device,
 * fed with the keys of the hub's SAs. What the hub sealed it must open, what it sealed
 * the hub must open, and where the IV is not random the octets must be the same.
 */
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"
#include "test/lib/oracle.h"

static struct packet p;

/** One direction of a spoke's SA, in lib/ipsec's hands, over one packet. */
static bool
pass(const struct hub_spoke *s, const struct packet_sa *sa, const uint8_t *keymat, bool seal,
	uint64_t last, struct packet *q)
{
	struct oracle *o = oracle_open(&(struct oracle_sa){
		.suite = sa->suite,
		.keymat = keymat,
		.spi = sa->spi,
		.esn = sa->esn,
		.tunnel_mode = s->tunnel_mode,
		.seal = seal,
		.last = last,
		.outer_src = s->outer_be,
		.outer_dst = HUB_BE,
	});
	bool good = o != NULL && oracle_pass(o, q);

	if (o != NULL)
		oracle_close(o);
	return good;
}

/* ---- both ways ------------------------------------------------------------------------------ */

/** The inner packet as the hub passes it on: one hop less. */
static void
expect(struct packet *q, uint32_t src, uint32_t dst, uint16_t n)
{
	packet_payload(q, n);
	packet_ip(q, src, dst, 253)->time_to_live = 63;
	packet_ip_fix(q);
}

static bool
same(struct packet *a, struct packet *b)
{
	return a->bytes == b->bytes && memcmp(packet_at(a), packet_at(b), a->bytes) == 0;
}

/** The hub seals; lib/ipsec opens, and with an AEAD seals the same octets. */
static bool
hub_seals(struct hub_spoke *s, uint16_t n)
{
	static struct packet want, esp, again;
	uint64_t last = hub_sa_out(s)->seq;
	bool good;

	expect(&want, LAN_BE, s->overlay_be, n);
	hub_gre(&want, s, RTE_ETHER_TYPE_IPV4);
	packet_payload(&p, n);
	packet_ip(&p, LAN_BE, s->overlay_be, 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
	if (!hub_out(hub.wan, &p))
		return false;
	packet_pull(&p, 14);
	esp = again = p;
	good = pass(s, &s->in, s->keymat[1], false, 0, &p);
	packet_pull(&p, 20);
	good = good && same(&p, &want);
	if (s->in.suite->integ_id != 0 || !good)
		return good;

	/* The same SA in its hands for sealing. */
	again = want;
	packet_ip(&again, HUB_BE, s->outer_be, IPPROTO_GRE);
	good = pass(s, &s->in, s->keymat[1], true, last, &again);
	packet_pull(&again, 20);
	packet_pull(&esp, 20);
	return good && same(&again, &esp);
}

/** lib/ipsec seals; the hub opens and passes on. */
static bool
hub_opens(struct hub_spoke *s, uint64_t last, uint16_t n)
{
	static struct packet want;

	expect(&want, s->overlay_be, LAN_BE, n);
	packet_payload(&p, n);
	packet_ip(&p, s->overlay_be, LAN_BE, 253);
	hub_gre(&p, s, RTE_ETHER_TYPE_IPV4);
	packet_ip(&p, s->outer_be, HUB_BE, IPPROTO_GRE);
	if (!pass(s, &s->out, s->keymat[0], true, last, &p))
		return false;
	packet_pull(&p, 20);
	hub_outer(&p, s, IPPROTO_ESP);
	hub_in(hub.wan, &p);
	if (!hub_out(hub.lan, &p))
		return false;
	packet_pull(&p, 14);
	return same(&p, &want);
}

static void
agree(bool (*way)(struct hub_spoke *, const struct esp_suite *))
{
	for (size_t i = 0; esp_suite_at(i) != NULL; i++) {
		const struct esp_suite *e = esp_suite_at(i);

		if (e->encr_id != ENCR_AES_CBC && e->encr_id != ENCR_AES_GCM_16 &&
			e->encr_id != ENCR_3DES)
			continue; /* lib/ipsec knows no 8 or 12-octet ICV */
		for (int n = 0; n < 4; n++) {
			struct hub_spoke *s = &hub.spoke[n & 1 ? TUNNEL : TRANSPORT][0];

			hub_rekey(s,
				&(struct hub_sa){ .encr = e->encr_id,
					.bits = e->key_bits,
					.integ = e->integ_id,
					.window = 64,
					.esn = n >= 2 });
			if (way(s, e))
				continue;
			CHECK(!"they differ");
			printf("# %s, %s mode, esn %d\n", e->name,
				s->tunnel_mode ? "tunnel" : "transport", n >= 2);
		}
	}
}

static bool
out(struct hub_spoke *s, const struct esp_suite *e)
{
	(void)e;
	for (uint16_t n = 0; n < 20; n++)
		if (!hub_seals(s, n))
			return false;
	return hub_seals(s, 1300);
}

static bool
in(struct hub_spoke *s, const struct esp_suite *e)
{
	(void)e;
	for (uint16_t n = 0; n < 20; n++)
		if (!hub_opens(s, n, n))
			return false;
	if (!hub_opens(s, 20, 1300))
		return false;
	if (!s->out.esn)
		return true;
	hub_sa_in(s)->top = UINT32_MAX; /* across the half */
	return hub_opens(s, UINT32_MAX, 40) && hub_opens(s, 1ull << 32, 40);
}

static void
lib_ipsec_opens_what_the_hub_seals(void)
{
	agree(out);
}

static void
hub_opens_what_lib_ipsec_seals(void)
{
	agree(in);
}

int
main(void)
{
	static const char *const args[] = { "--no-pci", "--vdev=crypto_openssl", NULL };

	if (crypto_selftest() != NULL || !hub_start(args))
		return 1;
	if (!oracle_start(hub.dp->pool)) {
		printf("Bail out! no crypto_openssl device\n");
		return 1;
	}
	TEST(lib_ipsec_opens_what_the_hub_seals);
	TEST(hub_opens_what_lib_ipsec_seals);
	oracle_stop();
	hub_stop();
	return check_done();
}
