/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * ESP as another implementation sees it: DPDK's lib/ipsec on a software crypto device,
 * fed with the keys of the hub's SAs. What the hub sealed it must open, what it sealed
 * the hub must open, and where the IV is not random the octets must be the same.
 */
#define ALLOW_EXPERIMENTAL_API /* sessions of a crypto device, in 22.11 */

#include <netinet/in.h>

#include <rte_cryptodev.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wvla" /* in rte_ipsec_group.h */
#include <rte_ipsec.h>
#pragma GCC diagnostic pop
#include <rte_malloc.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define IV_OFFSET (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))
#define DEVICE    0

static struct rte_mempool *sessions, *ops;
static struct packet p;

/* ---- the other implementation ----------------------------------------------------------- */

struct oracle {
	struct rte_ipsec_sa *sa;
	struct rte_ipsec_session session;
	struct rte_crypto_sym_xform first, second;
	struct rte_ipv4_hdr tunnel;
};

static bool
device_start(void)
{
	struct rte_cryptodev_config conf = { .nb_queue_pairs = 1 };
	struct rte_cryptodev_qp_conf qp = { .nb_descriptors = 64 };
	unsigned bytes = rte_cryptodev_sym_get_private_session_size(DEVICE);

	sessions = rte_cryptodev_sym_session_pool_create("sessions", 16, bytes, 0, 0, 0);
	ops = rte_crypto_op_pool_create("ops", RTE_CRYPTO_OP_TYPE_SYMMETRIC, 64, 0, 64, 0);
	qp.mp_session = sessions;
	return sessions != NULL && ops != NULL && rte_cryptodev_configure(DEVICE, &conf) == 0 &&
		rte_cryptodev_queue_pair_setup(DEVICE, 0, &qp, 0) == 0 &&
		rte_cryptodev_start(DEVICE) == 0;
}

static void
xform_aead(struct oracle *o, const struct packet_sa *sa, const uint8_t *keymat, bool seal)
{
	o->first = (struct rte_crypto_sym_xform){
		.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead = {
			.op = seal ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT,
			.algo = RTE_CRYPTO_AEAD_AES_GCM,
			.key = { .data = keymat, .length = sa->suite->key_bytes },
			.iv = { .offset = IV_OFFSET, .length = 12 },
			.digest_length = sa->suite->icv_bytes,
			.aad_length = sa->esn ? 12 : 8,
		},
	};
}

static enum rte_crypto_auth_algorithm
auth_of(const struct esp_suite *s)
{
	switch (s->integ_id) {
	case AUTH_HMAC_SHA1_96:
		return RTE_CRYPTO_AUTH_SHA1_HMAC;
	case AUTH_HMAC_SHA2_256_128:
		return RTE_CRYPTO_AUTH_SHA256_HMAC;
	case AUTH_HMAC_SHA2_384_192:
		return RTE_CRYPTO_AUTH_SHA384_HMAC;
	default:
		return RTE_CRYPTO_AUTH_SHA512_HMAC;
	}
}

static void
xform_cbc(struct oracle *o, const struct packet_sa *sa, const uint8_t *keymat, bool seal)
{
	const struct esp_suite *s = sa->suite;
	struct rte_crypto_sym_xform cipher = {
		.type = RTE_CRYPTO_SYM_XFORM_CIPHER,
		.cipher = {
			.op = seal ? RTE_CRYPTO_CIPHER_OP_ENCRYPT : RTE_CRYPTO_CIPHER_OP_DECRYPT,
			.algo = RTE_CRYPTO_CIPHER_AES_CBC,
			.key = { .data = keymat, .length = s->key_bytes },
			.iv = { .offset = IV_OFFSET, .length = 16 },
		},
	};
	struct rte_crypto_sym_xform auth = {
		.type = RTE_CRYPTO_SYM_XFORM_AUTH,
		.auth = {
			.op = seal ? RTE_CRYPTO_AUTH_OP_GENERATE : RTE_CRYPTO_AUTH_OP_VERIFY,
			.algo = auth_of(s),
			.key = { .data = keymat + s->key_bytes, .length = s->integ_key_bytes },
			.digest_length = s->icv_bytes,
		},
	};

	o->first = seal ? cipher : auth;
	o->second = seal ? auth : cipher;
	o->first.next = &o->second;
}

/** One direction of a spoke's SA; last: the number used before the first packet. */
static bool
oracle_open(struct oracle *o, const struct hub_spoke *s, bool seal, uint64_t last)
{
	const struct packet_sa *sa = seal ? &s->out : &s->in;
	const uint8_t *keymat = s->keymat[seal ? 0 : 1];
	struct rte_ipsec_sa_prm prm = {
		.ipsec_xform = {
			.spi = sa->spi,
			.options.esn = sa->esn,
			.direction = seal ? RTE_SECURITY_IPSEC_SA_DIR_EGRESS
					  : RTE_SECURITY_IPSEC_SA_DIR_INGRESS,
			.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP,
			.mode = s->tunnel_mode ? RTE_SECURITY_IPSEC_SA_MODE_TUNNEL
					       : RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT,
			.tunnel.type = RTE_SECURITY_IPSEC_TUNNEL_IPV4,
			.esn.value = last + 1,
		},
		.crypto_xform = &o->first,
	};
	int size;

	memset(o, 0, sizeof(*o));
	if (sa->suite->integ_id == 0)
		xform_aead(o, sa, keymat, seal);
	else
		xform_cbc(o, sa, keymat, seal);
	memcpy(&prm.ipsec_xform.salt, keymat + sa->suite->key_bytes, 4);
	if (s->tunnel_mode) {
		o->tunnel = (struct rte_ipv4_hdr){
			.version_ihl = RTE_IPV4_VHL_DEF,
			.time_to_live = 64,
			.next_proto_id = IPPROTO_ESP,
			.src_addr = s->outer_be,
			.dst_addr = HUB_BE,
		};
		prm.tun.hdr = &o->tunnel;
		prm.tun.hdr_len = sizeof(o->tunnel);
		prm.tun.next_proto = IPPROTO_IPIP;
	} else {
		prm.trs.proto = IPPROTO_IPIP;
	}
	size = rte_ipsec_sa_size(&prm);
	if (size < 0)
		return false;
	o->sa = rte_zmalloc(NULL, (size_t)size, RTE_CACHE_LINE_SIZE);
	if (rte_ipsec_sa_init(o->sa, &prm, (uint32_t)size) < 0)
		return false;
	o->session.sa = o->sa;
	o->session.type = RTE_SECURITY_ACTION_TYPE_NONE;
	o->session.crypto.dev_id = DEVICE;
	o->session.crypto.ses = rte_cryptodev_sym_session_create(DEVICE, &o->first, sessions);
	return o->session.crypto.ses != NULL && rte_ipsec_session_prepare(&o->session) == 0;
}

static void
oracle_close(struct oracle *o)
{
	rte_cryptodev_sym_session_free(DEVICE, o->session.crypto.ses);
	rte_ipsec_sa_fini(o->sa);
	rte_free(o->sa);
}

/** q (at IP) through it, in place. */
static bool
oracle_pass(struct oracle *o, struct packet *q)
{
	struct rte_crypto_op *op = rte_crypto_op_alloc(ops, RTE_CRYPTO_OP_TYPE_SYMMETRIC);
	struct rte_mbuf *m = hub_mbuf(q, RTE_PKTMBUF_HEADROOM);
	bool good;

	m->l2_len = 0;
	m->l3_len = sizeof(struct rte_ipv4_hdr);
	good = rte_ipsec_pkt_crypto_prepare(&o->session, &m, &op, 1) == 1 &&
		rte_cryptodev_enqueue_burst(DEVICE, 0, &op, 1) == 1 &&
		rte_cryptodev_dequeue_burst(DEVICE, 0, &op, 1) == 1;
	if (good && op->status != RTE_CRYPTO_OP_STATUS_SUCCESS)
		m->ol_flags |= RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED;
	good = good && rte_ipsec_pkt_process(&o->session, &m, 1) == 1;
	if (good)
		packet_set(q, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m));
	rte_pktmbuf_free(m);
	rte_crypto_op_free(op);
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
	struct oracle o;
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
	good = oracle_open(&o, s, false, 0) && oracle_pass(&o, &p);
	oracle_close(&o);
	packet_pull(&p, 20);
	good = good && same(&p, &want);
	if (s->in.suite->integ_id != 0 || !good)
		return good;

	/* The same SA in its hands for sealing. */
	struct hub_spoke twin = *s;
	twin.out = s->in;
	memcpy(twin.keymat[0], s->keymat[1], sizeof(twin.keymat[0]));
	again = want;
	packet_ip(&again, HUB_BE, s->outer_be, IPPROTO_GRE);
	good = oracle_open(&o, &twin, true, last) && oracle_pass(&o, &again);
	oracle_close(&o);
	packet_pull(&again, 20);
	packet_pull(&esp, 20);
	return good && same(&again, &esp);
}

/** lib/ipsec seals; the hub opens and passes on. */
static bool
hub_opens(struct hub_spoke *s, uint64_t last, uint16_t n)
{
	static struct packet want;
	struct oracle o;
	bool good;

	expect(&want, s->overlay_be, LAN_BE, n);
	packet_payload(&p, n);
	packet_ip(&p, s->overlay_be, LAN_BE, 253);
	hub_gre(&p, s, RTE_ETHER_TYPE_IPV4);
	packet_ip(&p, s->outer_be, HUB_BE, IPPROTO_GRE);
	good = oracle_open(&o, s, true, last) && oracle_pass(&o, &p);
	oracle_close(&o);
	if (!good)
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

		if (e->encr_id != ENCR_AES_CBC && e->encr_id != ENCR_AES_GCM_16)
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
	if (!device_start()) {
		printf("Bail out! no crypto_openssl device\n");
		return 1;
	}
	TEST(lib_ipsec_opens_what_the_hub_seals);
	TEST(hub_opens_what_lib_ipsec_seals);
	rte_cryptodev_stop(DEVICE);
	rte_cryptodev_close(DEVICE);
	hub_stop();
	return check_done();
}
