/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_PKI_H
#define CONFIG_PKI_H

/**
 * What a profile needs to authenticate by certificate. Built once while the
 * configuration is read, immutable and counted afterwards: the configuration, the IKE
 * engine and running checks each hold it.
 */
#include <stdatomic.h>

#include "config/config.h"
#include "crypto/cert.h"

#define PKI_FILES       16 /* of trust, of CRLs */
#define PKI_MATCHES     8  /* per map */
#define PKI_MAPS        64
#define PKI_FIELD_BYTES 32

/** One condition of a map: "CN = branch*", "dns != *.test". */
struct config_cert_match {
	bool unlike; /* met when no value of the field fits the pattern */
	char field[PKI_FIELD_BYTES];
	char pattern[CONFIG_TEXT_BYTES]; /* without case; '*' any octets, '?' one */
};

/** Whom a certificate makes its owner; all conditions have to be met. */
struct config_cert_map {
	struct config_cert_match match[PKI_MATCHES];
	uint32_t match_count;
	struct config_binding binding;
};

enum config_id_rule {
	ID_RULE_CERTIFICATE, /* who the peer is stands in its certificate, its ID is a wish */
	ID_RULE_STRICT,      /* the ID it sends has to be in its certificate */
};

struct config_pki {
	atomic_uint users;
	struct sign_key *key;             /* ours; NULL: we cannot sign */
	struct cert *own[CERT_CHAIN_MAX]; /* ours, then its issuers */
	uint32_t own_count;
	bool send_chain;          /* else the first of own alone */
	struct cert_trust *trust; /* NULL: nobody is believed by certificate */
	enum config_id_rule id_rule;
	bool sha1; /* SHA-1 is good enough in signatures */
	struct config_cert_map *maps;
	uint32_t maps_count; /* 0: every certificate that is trusted */

	/* Where all this came from; trust is read again from there. */
	char own_file[CONFIG_TEXT_BYTES];
	char key_file[CONFIG_TEXT_BYTES];
	enum cert_crl_rule crl_rule;
	char trust_files[PKI_FILES][CONFIG_TEXT_BYTES];
	uint32_t trust_files_count;
	char crl_files[PKI_FILES][CONFIG_TEXT_BYTES];
	uint32_t crl_files_count;
	char crl_urls[PKI_FILES][CONFIG_TEXT_BYTES];
	char crl_copies[PKI_FILES][CONFIG_TEXT_BYTES]; /* where what came from there is kept */
	uint32_t crl_urls_count;
};

/** Empty, with one user. NULL: no memory. */
struct config_pki *config_pki_new(void);
struct config_pki *config_pki_get(struct config_pki *p);
/** NULL is fine. */
void config_pki_put(struct config_pki *p);

/** Same keys, certificates, trust and rules? NULL is equal to NULL. */
bool config_pki_equal(const struct config_pki *a, const struct config_pki *b);

/** "FIELD = PATTERN" or "FIELD != PATTERN". 0, or -EINVAL with the reason in why[n]. */
int pki_match_parse(const char *text, struct config_cert_match *out, char *why, size_t n);

/** What is wrong with a file of a profile. */
struct pki_problem {
	const char *list; /* key the file stands under: "trust", "crls" */
	uint32_t index;   /* which of them */
	char text[200];   /* names the file and the remedy */
};

/**
 * Trust as the files say now, by p's rules. The caller puts it. 0, or -EINVAL with the
 * first thing that is wrong; a copy of a fetched CRL that is not there, or no longer whole, is
 * left out. The source of a CRL is the index of its file, PKI_FILES + that of its URL for a copy.
 */
int pki_trust_read(const struct config_pki *p, struct cert_trust **out, struct pki_problem *bad);

/** Its anchors alone, without looking at CRLs. Otherwise as pki_trust_read(). */
int pki_anchors_read(const struct config_pki *p, struct cert_trust **out, struct pki_problem *bad);

/** Changes when one of the files of trust does (time, size, inode, or being there). */
uint64_t pki_trust_stamp(const struct config_pki *p);

/** Content of a file that need not be secret, at most max octets; the caller frees *data. */
int pki_file_read(const char *path, size_t max, uint8_t **data, size_t *n);

#endif
