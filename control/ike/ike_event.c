/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_event.h"

#include <stdio.h>
#include <string.h>

#include "config/identity.h"
#include "control/ike/ike_engine.h"
#include "crypto/cert.h"

#define REPEAT_MS   30000u /* equal events of one address: one in so long */
#define FLOOD_MS    10000u /* events of all that proved nothing: one in so long */
#define FLOOD_BURST 20u    /* and so many at once */

enum kind { NEWS, FAILURE, NOISE };

/* Every reason: its name, whether it is kept as a peer's failure, and what to do. */
static const struct reason_row {
	const char *name;
	enum kind kind;
	const char *remedy;
} reasons[IKE_REASON_COUNT] = {
	[IKE_REASON_NONE] = { "none", NEWS, "" },
	[IKE_REASON_MALFORMED] = { "malformed", NOISE, "" },
	[IKE_REASON_IKEV1] = { "ikev1", FAILURE,
		"this hub speaks IKEv2 only; IOS: replace 'crypto isakmp' lines by 'crypto ikev2 "
		"proposal/policy/keyring/profile' and 'set ikev2-profile'; strongSwan: version = "
		"2" },
	[IKE_REASON_NO_LISTENER] = { "no_listener", NOISE,
		"no protected cloud has this source address" },
	[IKE_REASON_HALF_OPEN_LIMIT] = { "half_open_limit", NOISE, "" },
	[IKE_REASON_HELPERS_BUSY] = { "helpers_busy", NOISE,
		"public-key work comes in faster than it can be done and the peer has to repeat "
		"its message: raise system.crypto_threads, or give the hub more cores" },
	[IKE_REASON_NO_PROPOSAL_CHOSEN] = { "no_proposal_chosen", FAILURE,
		"IOS: 'crypto ikev2 proposal' with one of the wanted sets, named in 'crypto ikev2 "
		"policy'; strongSwan: proposals = one of them" },
	[IKE_REASON_LEGACY_ONLY] = { "legacy_only", FAILURE,
		"all it offers is broken; IOS: 'encryption aes-cbc-256', 'integrity sha256', "
		"'group 14' in 'crypto ikev2 proposal'; strongSwan: proposals = "
		"aes256-sha256-modp2048; or legacy: true in the profile here, naming them in "
		"proposals if it has any" },
	[IKE_REASON_UNKNOWN_CRITICAL] = { "unknown_critical_payload", NOISE, "" },
	[IKE_REASON_INTEGRITY] = { "integrity", FAILURE,
		"its IKE_AUTH came and could not be decrypted: it is changed on the way, or the "
		"two sides computed different keys; try another group and cipher (IOS: 'crypto "
		"ikev2 proposal'; strongSwan: proposals)" },
	[IKE_REASON_TIMEOUT_HALF_OPEN] = { "timeout_half_open", FAILURE,
		"the peer never came with IKE_AUTH: look for a filter on UDP 4500 or lost "
		"fragments, "
		"and at the peer's own log" },
	[IKE_REASON_NO_PSK_FOR_IDENTITY] = { "no_psk_for_identity", FAILURE,
		"add a key for this identity or address under secrets:, or set the identity the "
		"peer "
		"sends (IOS: 'identity local' in the ikev2 profile; strongSwan: local.id)" },
	[IKE_REASON_PSK_MISMATCH] = { "psk_mismatch", FAILURE,
		"the shared keys differ; IOS: 'pre-shared-key' of the keyring peer; strongSwan: "
		"secrets.ike*.secret" },
	[IKE_REASON_AUTH_METHOD] = { "auth_method", FAILURE,
		"IOS: 'authentication local pre-share' or 'rsa-sig' in the ikev2 profile; "
		"strongSwan: local.auth = psk or pubkey; or change 'accept' and 'trust' of the "
		"profile here" },
	[IKE_REASON_AUTH_REFUSED] = { "auth_refused", FAILURE,
		"the peer refused our authentication: see its log" },
	[IKE_REASON_CERT_MISSING] = { "cert_missing", FAILURE,
		"make the peer send its certificate; IOS: 'pki trustpoint' in the ikev2 profile; "
		"strongSwan: connections.*.send_cert = always" },
	[IKE_REASON_CERT_MALFORMED] = { "cert_malformed", FAILURE,
		"enrol the peer anew, or look at its certificate with: openssl x509 -text" },
	[IKE_REASON_CERT_EXPIRED] = { "cert_expired", FAILURE,
		"renew it (IOS: 'crypto pki enroll', 'auto-enroll' in the trustpoint); if our "
		"clock is wrong, set it" },
	[IKE_REASON_CERT_NOT_YET_VALID] = { "cert_not_yet_valid", FAILURE,
		"compare the clock of this hub with that of the CA" },
	[IKE_REASON_CERT_UNTRUSTED] = { "cert_untrusted", FAILURE,
		"add its root CA to 'trust' of the profile, or let the peer send the missing "
		"intermediate (IOS: chain-validation; strongSwan: x509ca)" },
	[IKE_REASON_CERT_REVOKED] = { "cert_revoked", FAILURE,
		"its CA took the certificate back: enrol the peer anew if it is still yours" },
	[IKE_REASON_CRL_UNAVAILABLE] = { "crl_unavailable", FAILURE,
		"put a CRL in force into a file under 'crls' of the profile, or say crl: "
		"fail-open" },
	[IKE_REASON_CERT_USAGE] = { "cert_usage", FAILURE,
		"issue it with key usage digitalSignature and no extended usage, or ipsecIKE" },
	[IKE_REASON_CERT_WEAK] = { "cert_weak", FAILURE,
		"issue it with RSA 2048 bits or more, or ECDSA, signed with SHA-256; SHA-1 only by "
		"sha1_signatures: true" },
	[IKE_REASON_CERT_NO_MAP] = { "cert_no_map", FAILURE,
		"add a map under 'maps' of the profile that takes this certificate, or correct "
		"one" },
	[IKE_REASON_ID_NOT_IN_CERT] = { "id_not_in_cert", FAILURE,
		"let the peer send a name of its certificate (IOS: 'identity local dn'; "
		"strongSwan: "
		"local.id), or say identity: certificate" },
	[IKE_REASON_SIGNATURE_MISMATCH] = { "signature_mismatch", FAILURE,
		"key and certificate of the peer do not belong together, or somebody is in "
		"between" },
	[IKE_REASON_SIGNATURE_HASH] = { "signature_hash", FAILURE,
		"let it sign with SHA-256 or better (RFC 7427), or say sha1_signatures: true" },
	[IKE_REASON_SIGNATURE_ALGORITHM] = { "signature_algorithm", FAILURE,
		"use RSA, ECDSA on P-256, P-384, P-521 or Ed25519 with RFC 7427" },
	[IKE_REASON_PPK_REQUIRED] = { "ppk_required", FAILURE,
		"give the peer its PPK; IOS: 'ppk manual id ... key ...' in the keyring peer; "
		"strongSwan: ppk_id of the connection and secrets.ppk" },
	[IKE_REASON_PPK_UNKNOWN] = { "ppk_unknown", FAILURE,
		"add the PPK of that id under ppks:, or let the peer do without; strongSwan: "
		"ppk_required = no" },
	[IKE_REASON_ESP_NO_PROPOSAL_CHOSEN] = { "esp_no_proposal_chosen", FAILURE,
		"IOS: 'crypto ipsec transform-set' with one of the wanted sets; strongSwan: "
		"esp_proposals = one of them" },
	[IKE_REASON_ESP_LEGACY_ONLY] = { "esp_legacy_only", FAILURE,
		"all it offers is broken; IOS: 'crypto ipsec transform-set NAME esp-aes 256 "
		"esp-sha256-hmac'; strongSwan: esp_proposals = aes256-sha256; or legacy: true in "
		"the profile here, naming them in esp_proposals if it has any" },
	[IKE_REASON_TS_UNACCEPTABLE] = { "ts_unacceptable", FAILURE,
		"offer GRE (protocol 47) between the two outer addresses; IOS: 'tunnel protection' "
		"does so; strongSwan: local_ts = remote_ts = dynamic[gre]" },
	[IKE_REASON_MODE_MISMATCH] = { "mode_mismatch", FAILURE,
		"IOS: 'mode transport' in the transform-set; strongSwan: mode = transport" },
	[IKE_REASON_TOO_MANY_CHILDREN] = { "too_many_children", FAILURE,
		"raise max_children of the profile, or look why the peer opens so many" },
	[IKE_REASON_INSTALL_FAILED] = { "install_failed", FAILURE,
		"the data path has no room: raise system.max_spokes" },
	[IKE_REASON_BINDING] = { "binding", FAILURE,
		"cloud and overlay of its entry under secrets, or of its certificate map, do not "
		"allow what it has or dials: change them, or its tunnel's address, destination or "
		"key" },
	[IKE_REASON_CHILD_REFUSED] = { "child_refused", FAILURE,
		"the peer refused the child SA: see its log, compare ESP proposals and mode" },
	[IKE_REASON_CHILD_TAKEN_BACK] = { "child_taken_back", FAILURE,
		"the peer does not take our answer for the child SA: see its log; libreswan 4 "
		"wants type=tunnel where there is a NAT between" },
	[IKE_REASON_PEER_DELETED] = { "peer_deleted", FAILURE, "" },
	[IKE_REASON_PEER_SILENT] = { "peer_silent", FAILURE,
		"the peer does not answer: is it up and reachable?" },
	[IKE_REASON_REPLACED] = { "replaced", NEWS, "" },
	[IKE_REASON_REKEYED] = { "rekeyed", NEWS, "" },
	[IKE_REASON_REKEY_REDUNDANT] = { "rekey_redundant", NEWS, "" },
	[IKE_REASON_REKEY_FAILED] = { "rekey_failed", FAILURE,
		"compare PFS groups and lifetimes of both sides" },
	[IKE_REASON_LIFETIME] = { "lifetime", FAILURE, "" },
	[IKE_REASON_OPERATOR] = { "operator", NEWS, "" },
	[IKE_REASON_SHUTDOWN] = { "shutdown", NEWS, "" },
	[IKE_REASON_CONFIG] = { "config", NEWS, "" },
	[IKE_REASON_INVALID_SPI] = { "invalid_spi", NOISE,
		"it keeps SAs that ended here, as after a restart of this hub, and was told so; "
		"liveness makes it start anew (IOS: 'dpd 10 3 periodic' in the ikev2 profile; "
		"strongSwan: dpd_delay)" },
	[IKE_REASON_PFS_MISMATCH_AHEAD] = { "pfs_mismatch_ahead", NEWS,
		"the first rekey of the child SA will fail; IOS: 'set pfs group19' or 'no set pfs' "
		"in the ipsec profile; strongSwan: the group in esp_proposals; here: pfs of the "
		"profile, and the groups of its proposals" },
	[IKE_REASON_PATH_MOVED] = { "path_moved", NEWS, "" },
	[IKE_REASON_NAME_TAKEN] = { "name_taken", NOISE,
		"the older session and what it registered stay while it lives ('navectl clear "
		"spoke' ends it); if the newer is not that spoke: who has a key for several says "
		"any name, so give that key an \"overlay\", or a narrower pattern" },
};

const char *
ike_reason_name(enum ike_reason reason)
{
	return reason < IKE_REASON_COUNT && reasons[reason].name != NULL ? reasons[reason].name
									 : "unknown";
}

bool
ike_reason_is_trouble(enum ike_reason reason)
{
	return reasons[reason].kind != NEWS;
}

const char *
ike_notify_name(uint16_t notify)
{
	static const struct {
		uint16_t notify;
		const char *name;
	} names[] = {
		{ 0, "" },
		{ N_UNSUPPORTED_CRITICAL_PAYLOAD, "UNSUPPORTED_CRITICAL_PAYLOAD" },
		{ N_INVALID_IKE_SPI, "INVALID_IKE_SPI" },
		{ N_INVALID_MAJOR_VERSION, "INVALID_MAJOR_VERSION" },
		{ N_INVALID_SYNTAX, "INVALID_SYNTAX" },
		{ N_INVALID_MESSAGE_ID, "INVALID_MESSAGE_ID" },
		{ N_INVALID_SPI, "INVALID_SPI" },
		{ N_NO_PROPOSAL_CHOSEN, "NO_PROPOSAL_CHOSEN" },
		{ N_INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD" },
		{ N_AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED" },
		{ N_SINGLE_PAIR_REQUIRED, "SINGLE_PAIR_REQUIRED" },
		{ N_NO_ADDITIONAL_SAS, "NO_ADDITIONAL_SAS" },
		{ N_TS_UNACCEPTABLE, "TS_UNACCEPTABLE" },
		{ N_TEMPORARY_FAILURE, "TEMPORARY_FAILURE" },
		{ N_CHILD_SA_NOT_FOUND, "CHILD_SA_NOT_FOUND" },
	};
	static char digits[8];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].notify == notify)
			return names[i].name;
	snprintf(digits, sizeof(digits), "%u", notify);
	return digits;
}

bool
ike_reason_is_failure(enum ike_reason reason)
{
	return reasons[reason].kind == FAILURE;
}

const char *
ike_reason_remedy(enum ike_reason reason)
{
	return reasons[reason].remedy != NULL ? reasons[reason].remedy : "";
}

struct ike_event *
ike_event_begin(struct ike *ike, enum ike_reason reason, const struct ike_path *path)
{
	struct ike_event *e = &ike->events.draft;

	memset(e, 0, sizeof(*e));
	e->reason = reason;
	e->path = *path;
	snprintf(e->remedy, sizeof(e->remedy), "%s", ike_reason_remedy(reason));
	return e;
}

void
ike_event_whose(struct ike_event *e, const struct ike_peer *p)
{
	e->session = p->id;
	e->authenticated = true;
	ike_identity_print(&p->identity, e->identity, sizeof(e->identity));
	memcpy(e->group, p->binding.group, sizeof(e->group));
}

struct ike_event *
ike_event_of_peer(
	struct ike_sa *sa, enum ike_reason reason, const struct ike_path *path, uint16_t notify)
{
	struct ike_event *e = ike_event_begin(sa->ike, reason, path);

	sa->peer->last_reason = reason;
	e->notify = notify;
	ike_event_whose(e, sa->peer);
	return e;
}

/** Addresses can be forged, hence a bound over all of them. What was left out is told later. */
static bool
flood_pass(struct ike_events *ev, struct ike_event *e, uint64_t now_ms)
{
	struct ike_flood *f = e->identity[0] != '\0' ? &ev->claimants : &ev->strangers;

	if (e->authenticated)
		return true;
	if (f->paid_ms > now_ms + (FLOOD_BURST - 1) * FLOOD_MS) {
		f->left_out++;
		return false;
	}
	f->paid_ms = (f->paid_ms > now_ms ? f->paid_ms : now_ms) + FLOOD_MS;
	e->left_out = f->left_out;
	f->left_out = 0;
	return true;
}

/** Fold equal events: true when this one is to be told. */
static bool
rate_pass(struct ike *ike, struct ike_event *e, uint64_t now_ms)
{
	uint64_t key = (uint64_t)addr_hash(&e->path.remote, ike->hash_seed) << 32 |
		(uint32_t)e->reason << 16 |
		(uint16_t)(e->authenticated ? e->session : e->path.remote_port);
	struct ike_rate *r = &ike->events.rate[(key ^ key >> 32) % IKE_RATE_SLOTS];

	if (r->key == key && r->last_ms != 0 && now_ms < r->last_ms + REPEAT_MS) {
		r->suppressed++;
		return false;
	}
	if (!flood_pass(&ike->events, e, now_ms))
		return false;
	e->suppressed = r->key == key ? r->suppressed : 0;
	*r = (struct ike_rate){ .key = key, .last_ms = now_ms + 1 };
	return true;
}

void
ike_event_send(struct ike *ike, struct ike_event *e, uint64_t now_ms)
{
	ike->totals.reasons[e->reason]++;
	if (reasons[e->reason].kind == FAILURE)
		ike_failure_keep(ike, e, now_ms);
	if (rate_pass(ike, e, now_ms))
		ike->ops->event(ike->user, e);
}

const char *
ike_identity_print(const struct config_identity *id, char *buf, size_t n)
{
	if (id->type != ID_NONE && id->type != ID_DER_ASN1_DN)
		return identity_print(id, buf, n);
	buf[0] = '\0';
	if (id->type == ID_DER_ASN1_DN)
		cert_dn_print(id->data, id->bytes, buf, n);
	if (id->type == ID_DER_ASN1_DN && buf[0] == '\0')
		snprintf(buf, n, "dn:?");
	return buf;
}
