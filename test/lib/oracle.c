/* SPDX-License-Identifier: BSD-3-Clause */
#define ALLOW_EXPERIMENTAL_API /* sessions of a crypto device, in 22.11 */

#include "test/lib/oracle.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cryptodev.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wvla" /* in rte_ipsec_group.h */
#include <rte_ipsec.h>
#pragma GCC diagnostic pop
#include <rte_malloc.h>

#include "crypto/suite.h"

#define IV_OFFSET (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))
#define DEVICE    0

static struct rte_mempool *sessions, *ops, *mbufs;

struct oracle {
	struct rte_ipsec_sa *sa;
	struct rte_ipsec_session session;
	struct rte_crypto_sym_xform first, second;
	struct rte_ipv4_hdr tunnel;
};

bool
oracle_start(struct rte_mempool *pool)
{
	struct rte_cryptodev_config conf = { .nb_queue_pairs = 1 };
	struct rte_cryptodev_qp_conf qp = { .nb_descriptors = 64 };
	unsigned bytes;

	if (rte_cryptodev_count() == 0)
		return false;
	mbufs = pool;
	bytes = rte_cryptodev_sym_get_private_session_size(DEVICE);
	sessions = rte_cryptodev_sym_session_pool_create("sessions", 16, bytes, 0, 0, 0);
	ops = rte_crypto_op_pool_create("ops", RTE_CRYPTO_OP_TYPE_SYMMETRIC, 64, 0, 64, 0);
	qp.mp_session = sessions;
	return sessions != NULL && ops != NULL && rte_cryptodev_configure(DEVICE, &conf) == 0 &&
		rte_cryptodev_queue_pair_setup(DEVICE, 0, &qp, 0) == 0 &&
		rte_cryptodev_start(DEVICE) == 0;
}

void
oracle_stop(void)
{
	rte_cryptodev_stop(DEVICE);
	rte_cryptodev_close(DEVICE);
}

static void
xform_aead(struct oracle *o, const struct oracle_sa *sa)
{
	o->first = (struct rte_crypto_sym_xform){
		.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead = {
			.op = sa->seal ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT,
			.algo = RTE_CRYPTO_AEAD_AES_GCM,
			.key = { .data = sa->keymat, .length = sa->suite->key_bytes },
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
	case AUTH_HMAC_MD5_96:
		return RTE_CRYPTO_AUTH_MD5_HMAC;
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
xform_cbc(struct oracle *o, const struct oracle_sa *sa)
{
	const struct esp_suite *s = sa->suite;
	struct rte_crypto_sym_xform cipher = {
		.type = RTE_CRYPTO_SYM_XFORM_CIPHER,
		.cipher = {
			.op = sa->seal ? RTE_CRYPTO_CIPHER_OP_ENCRYPT : RTE_CRYPTO_CIPHER_OP_DECRYPT,
			.algo = s->encr_id == ENCR_3DES ? RTE_CRYPTO_CIPHER_3DES_CBC
							: RTE_CRYPTO_CIPHER_AES_CBC,
			.key = { .data = sa->keymat, .length = s->key_bytes },
			.iv = { .offset = IV_OFFSET, .length = s->iv_bytes },
		},
	};
	struct rte_crypto_sym_xform auth = {
		.type = RTE_CRYPTO_SYM_XFORM_AUTH,
		.auth = {
			.op = sa->seal ? RTE_CRYPTO_AUTH_OP_GENERATE : RTE_CRYPTO_AUTH_OP_VERIFY,
			.algo = auth_of(s),
			.key = { .data = sa->keymat + s->key_bytes, .length = s->integ_key_bytes },
			.digest_length = s->icv_bytes,
		},
	};

	o->first = sa->seal ? cipher : auth;
	o->second = sa->seal ? auth : cipher;
	o->first.next = &o->second;
}

static void
oracle_free(struct oracle *o)
{
	rte_free(o->sa);
	free(o);
}

struct oracle *
oracle_open(const struct oracle_sa *sa)
{
	struct oracle *o = calloc(1, sizeof(*o));
	struct rte_ipsec_sa_prm prm = {
		.ipsec_xform = {
			.spi = sa->spi,
			.options.esn = sa->esn,
			.direction = sa->seal ? RTE_SECURITY_IPSEC_SA_DIR_EGRESS
					      : RTE_SECURITY_IPSEC_SA_DIR_INGRESS,
			.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP,
			.mode = sa->tunnel_mode ? RTE_SECURITY_IPSEC_SA_MODE_TUNNEL
						: RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT,
			.tunnel.type = RTE_SECURITY_IPSEC_TUNNEL_IPV4,
			.esn.value = sa->last + 1,
		},
	};
	int size;

	if (o == NULL)
		return NULL;
	prm.crypto_xform = &o->first;
	if (sa->suite->integ_id == 0)
		xform_aead(o, sa);
	else
		xform_cbc(o, sa);
	memcpy(&prm.ipsec_xform.salt, sa->keymat + sa->suite->key_bytes, 4);
	if (sa->tunnel_mode) {
		o->tunnel = (struct rte_ipv4_hdr){
			.version_ihl = RTE_IPV4_VHL_DEF,
			.time_to_live = 64,
			.next_proto_id = IPPROTO_ESP,
			.src_addr = sa->outer_src,
			.dst_addr = sa->outer_dst,
		};
		prm.tun.hdr = &o->tunnel;
		prm.tun.hdr_len = sizeof(o->tunnel);
		prm.tun.next_proto = IPPROTO_IPIP;
	} else {
		prm.trs.proto = IPPROTO_IPIP;
	}
	size = rte_ipsec_sa_size(&prm);
	o->sa = size < 0 ? NULL : rte_zmalloc(NULL, (size_t)size, RTE_CACHE_LINE_SIZE);
	if (o->sa == NULL || rte_ipsec_sa_init(o->sa, &prm, (uint32_t)size) < 0) {
		oracle_free(o);
		return NULL;
	}
	o->session.sa = o->sa;
	o->session.type = RTE_SECURITY_ACTION_TYPE_NONE;
	o->session.crypto.dev_id = DEVICE;
	o->session.crypto.ses = rte_cryptodev_sym_session_create(DEVICE, &o->first, sessions);
	if (o->session.crypto.ses == NULL || rte_ipsec_session_prepare(&o->session) != 0) {
		oracle_close(o);
		return NULL;
	}
	return o;
}

void
oracle_close(struct oracle *o)
{
	if (o->session.crypto.ses != NULL)
		rte_cryptodev_sym_session_free(DEVICE, o->session.crypto.ses);
	rte_ipsec_sa_fini(o->sa);
	oracle_free(o);
}

bool
oracle_pass(struct oracle *o, struct packet *q)
{
	struct rte_crypto_op *op = rte_crypto_op_alloc(ops, RTE_CRYPTO_OP_TYPE_SYMMETRIC);
	struct rte_mbuf *m = rte_pktmbuf_alloc(mbufs);
	bool good;

	if (op == NULL || m == NULL)
		abort();
	memcpy(rte_pktmbuf_append(m, q->bytes), packet_at(q), q->bytes);
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
