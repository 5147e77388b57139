/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_CERT_H
#define CONTROL_IKE_IKE_CERT_H

/** Certificates in IKE: which ones a message brought, whether they convince, whom they name. */
#include "config/pki.h"
#include "control/ike/ike_sa.h"

/** What became of a proof of identity. */
struct ike_finding {
	enum ike_reason reason; /* IKE_REASON_NONE: proven */
	char detail[IKE_TEXT_BYTES];
};

/** Set both; returns reason. */
enum ike_reason ike_find(struct ike_finding *f, enum ike_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Certificates of a message; the first one's key made the signature. */
struct ike_certs {
	struct cert *cert[CERT_CHAIN_MAX];
	size_t count;
};

/**
 * Read the CERT payloads of encoding 4 and no other; what cannot be read behind the first is
 * left out. Release with ike_certs_put() in any case. Returns the reason, NONE when there is one.
 * Those among the known ones are taken from there: reading one costs more than a signature.
 */
enum ike_reason ike_certs_read(const struct ike_payloads *p, struct cert *const *known,
	size_t known_count, struct ike_certs *out, struct ike_finding *f);
void ike_certs_put(struct ike_certs *c);

/**
 * Is the first certificate to be believed here and now, does the ID claimed fit it, and
 * which map lets it in? *id is the ID claimed and becomes the one authenticated. *map
 * may become NULL: every certificate is welcome. *mark is for ike_conf.c to know it by.
 */
enum ike_reason ike_certs_judge(const struct ike_certs *c, const struct config_pki *pki,
	struct cert_trust *trust, int64_t now_s, struct config_identity *id,
	const struct config_cert_map **map, struct cert_mark *mark, struct ike_finding *f);

/**
 * Which certificates behind the first are intermediate CAs that trust vouches for and that
 * are not among the known ones? A bit per certificate. Any thread.
 */
uint32_t ike_issuers_find(const struct ike_certs *c, struct cert_trust *trust,
	struct cert *const *known, size_t known_count, int64_t now_s);
/**
 * Remember those of a chain that convinced: a CRL of theirs that comes later is known to be
 * theirs although peers do not send them again. Bounded. Control core.
 */
void ike_issuers_learn(struct ike_policy_set *set, const struct ike_certs *c, uint32_t vouched);
/** Tell new trust about those it vouches for. */
void ike_issuers_teach(const struct ike_policy_set *set, struct cert_trust *trust, int64_t now_s);

/** Who we are by our certificate: what the peer asked for when it is in there. */
struct config_identity ike_cert_identity(
	const struct config_pki *pki, const struct config_identity *asked);

/** Our CERT payloads. */
void ike_certs_write(struct ike_chain *c, const struct config_pki *pki);
/** CERTREQ for our anchors, at most 16 of them, otherwise none. */
void ike_certreq_write(struct ike_chain *c, const struct cert_trust *trust);

#endif
