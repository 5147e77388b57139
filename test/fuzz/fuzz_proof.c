/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IKE_AUTH by certificate, signed for real and then changed. A spoke's key signs this very
 * exchange as the head of the input says, what follows changes octets before they are sealed:
 *	how        who begins, the hub's rules and key (enum how)
 *	spoke      whose certificate and key
 *	alg        scheme (low half) and hash of the signature
 *	hashes     what the spoke announces (RFC 7427), a bit per id; 0: it does not know that
 *	more       what else is in the message (enum more)
 *	around     how they come together (enum around)
 *	changes    payload, offset (2 octets), XOR; those in the ID are made before it is signed
 * Nobody may come in by a signature over something else, and who does everything right has to.
 */
#include <stdlib.h>
#include <string.h>

#include "config/pki.h"
#include "control/ike/ike_child.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_sign.h"
#include "crypto/suite.h"
#include "test/fuzz/aftermath.h"
#include "test/lib/vector_file.h"

enum how {
	HOW_HUB_BEGINS = 1,
	HOW_SHA1 = 2,   /* the hub takes SHA-1 */
	HOW_STRICT = 4, /* the ID has to be in the certificate */
	HOW_BOUND = 8,  /* a certificate map names a further profile */
	HOW_HUB_KEY = 3 << 4,
	HOW_PRF_512 = 64,
	HOW_FORGED = 128, /* signs other octets than those of this exchange */
};

enum more {
	MORE_PPK = 1,         /* the spoke has a PPK, and names it */
	MORE_PPK_UNKNOWN = 2, /* which is none of the hub's */
	MORE_NO_PPK_AUTH = 4, /* and proves itself without it, too */
	MORE_STRANGER = 8,    /* another's certificate comes first */
	MORE_LEAF_ALONE = 16, /* none of its issuers */
	MORE_CHILDLESS = 32,
	MORE_PLAIN_ID = 64, /* ID_FQDN, not the certificate's name */
};

enum around {
	AROUND_NAT = 1,    /* the spoke is behind one */
	AROUND_TUNNEL = 2, /* the first child's mode */
	AROUND_SLOW = 4,   /* the hub's helpers take their time */
	AROUND_RELOAD = 8, /* and its file is read anew meanwhile */
	AROUND_FULL = 16,  /* its data path takes no child */
};

#define HUBS   64 /* how, but for its first bit and the last two, as a number */
#define CHAIN  16 /* payloads that can be changed */
#define CHANGE 4  /* octets of one */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const spokes[] = { "spoke-p256", "spoke-ed25519", "spoke-rsa", "spoke-p384",
	"spoke-p521", "expired", "revoked", "stranger", "usage", "weak", "noname", "future",
	"purpose", "sha1", "forged", "third-spoke" };
#define SPOKES (sizeof(spokes) / sizeof(spokes[0]))
#define GOOD   5 /* the first of them */

static const char *const hubs[] = { "hub", "spoke-p256", "spoke-ed25519", "spoke-p384" };

/** An input's head, and the changes behind it. */
struct script {
	uint8_t how, spoke, scheme, hash, hashes, more, around;
	struct cursor changes;
};

static struct net n;                 /* large */
static struct config_pki *announcer; /* has no key: says what it could check, and that is all */

/** Whatever is in force for good, read once. */
static struct config_pki *
pki_of(struct config_pki **kept, const char *name)
{
	if (*kept == NULL)
		*kept = net_pki(name);
	return *kept;
}

static struct config_pki *
pki_of_spoke(unsigned i)
{
	static struct config_pki *kept[SPOKES];

	return pki_of(&kept[i], spokes[i]);
}

static struct config_pki *
pki_of_hub(uint8_t how)
{
	static struct config_pki *kept[HUBS];
	struct config_pki **p = &kept[how >> 1 & (HUBS - 1)];
	struct config_cert_map *map;
	char why[100];

	if (*p != NULL)
		return *p;
	pki_of(p, hubs[(how & HOW_HUB_KEY) >> 4]);
	cert_trust_put((*p)->trust);
	(*p)->sha1 = (how & HOW_SHA1) != 0;
	(*p)->trust = vector_trust("root", CERT_CRL_FAIL_OPEN, (*p)->sha1, "root sub");
	(*p)->id_rule = how & HOW_STRICT ? ID_RULE_STRICT : ID_RULE_CERTIFICATE;
	if ((how & HOW_BOUND) == 0)
		return *p;
	map = calloc(1, sizeof(*map));
	if (map == NULL || pki_match_parse("CN = *", &map->match[0], why, sizeof(why)) != 0)
		abort();
	map->match_count = 1;
	strcpy(map->binding.profile, "vans");
	(*p)->maps = map;
	(*p)->maps_count = 1;
	return *p;
}

static void
begin_profiles(const struct script *s)
{
	n.hub.profile.pki = config_pki_get(pki_of_hub(s->how));
	if (s->hashes != 0)
		n.spoke.profile.pki = config_pki_get(announcer);
	if (s->how & HOW_PRF_512)
		n.hub.profile.ike[0].prf = n.spoke.profile.ike[0].prf = PRF_HMAC_SHA2_512;
	if (s->how & HOW_BOUND)
		net_bind(&n.hub, "vans")->pfs = PFS_OFF;
}

static void
begin_ppks(const struct script *s)
{
	if ((s->more & MORE_PPK) == 0)
		return;
	n.spoke.ppks[0] = net_ppk("one", "0123456789abcdef0123456789abcdef");
	n.hub.ppks[0] = net_ppk(
		s->more & MORE_PPK_UNKNOWN ? "two" : "one", "0123456789abcdef0123456789abcdef");
	n.hub.ppks_count = n.spoke.ppks_count = 1;
}

/**
 * Both have keys, and the hub's IKE_AUTH or the spoke's got lost. The spoke's SA; NULL when the hub
 * had nothing to prove itself by.
 */
static struct ike_sa *
begin(const struct script *s)
{
	struct ike_sa *sa, *theirs;
	size_t at = 0;

	net_begin(&n);
	begin_profiles(s);
	begin_ppks(s);
	n.nat_spoke = (s->around & AROUND_NAT) != 0;
	net_start(&n);
	sa = net_until_auth(
		&n, s->how & HOW_HUB_BEGINS ? &n.hub : &n.spoke, (s->around & AROUND_TUNNEL) == 0);
	if (sa == NULL)
		return NULL;
	theirs = map_next(&n.hub.ike->by_spi, &at);
	theirs->setup->hashes = s->hashes;
	n.hub.jobs_room = s->around & AROUND_SLOW ? 4 : 0;
	n.hub.install_fails = (s->around & AROUND_FULL) != 0;
	return sa;
}

/* ---- the spoke's message ----------------------------------------------------------------- */

static struct octets
first_message(struct ike_sa *sa)
{
	struct octets o = { 0 };
	uint32_t at = 0;

	o.data = ike_packets_next(
		sa->initiator ? &sa->setup->msg_i : &sa->setup->msg_r, &at, &o.bytes);
	return o;
}

/** The AUTH payload; without a signature where key and algorithm do not go together. */
static bool
write_auth(struct ike_chain *c, struct ike_sa *sa, const struct script *s,
	const struct ike_keys *keys, struct ike_view id)
{
	const struct sign_key *key = pki_of_spoke(s->spoke)->key;
	const struct ike_setup *setup = sa->setup;
	struct ike_auth_plan plan = { .method = AUTH_METHOD_DIGITAL,
		.alg = { .scheme = s->scheme % 5, .hash = s->hash } };
	uint8_t mac[PRF_MAX_BYTES], sig[SIGN_MAX_BYTES];
	size_t sig_bytes = 0;
	struct octets parts[] = { first_message(sa),
		sa->initiator ? (struct octets){ setup->nr, setup->nr_bytes }
			      : (struct octets){ setup->ni, setup->ni_bytes },
		{ mac, keys->prf->out_bytes } };

	if (ike_keys_id_mac(keys, sa->initiator, id, mac) != 0)
		return false;
	mac[0] ^= s->how & HOW_FORGED ? 1 : 0;
	if (plan.alg.scheme == SIGN_RSA_PSS)
		plan.alg.salt_bytes = (uint16_t)hash_bytes((enum hash_id)s->hash);
	if (plan.alg.scheme == SIGN_ECDSA_RAW)
		plan.method = (uint8_t)(AUTH_METHOD_ECDSA_256 + s->hash - HASH_SHA256);
	if (s->scheme == 5) { /* PKCS#1 1.5 without a name */
		plan.alg.scheme = SIGN_RSA_PKCS1;
		plan.method = AUTH_METHOD_RSA;
	}
	bool made = sign_make(key, &plan.alg, parts, 3, sig, &sig_bytes) == 0;

	ike_sign_write(c, &plan, sig, made ? sig_bytes : 0);
	return made;
}

static void
write_ppk(struct ike_chain *c, struct ike_sa *sa, const struct script *s, struct ike_view id)
{
	struct ike_keys keys = sa->keys;
	uint8_t room[2048], first;
	struct ike_chain auth;

	if (!sa->setup->ppk_used)
		return;
	ike_chain_notify(c, N_PPK_IDENTITY, "\2one", 4);
	if ((s->more & MORE_NO_PPK_AUTH) == 0)
		return;
	memcpy(keys.pi, sa->setup->without_pi, sizeof(keys.pi));
	memcpy(keys.pr, sa->setup->without_pr, sizeof(keys.pr));
	ike_chain_bare(&auth, room, sizeof(room), &first);
	write_auth(&auth, sa, s, &keys, id);
	ike_chain_notify(c, N_NO_PPK_AUTH, room + 8, wr_used(&auth.w) - 8);
}

static struct config_identity
identity_of(const struct script *s)
{
	return s->more & MORE_PLAIN_ID ? net_fqdn("branch7.example.org")
				       : ike_cert_identity(pki_of_spoke(s->spoke), NULL);
}

static void
write_certs(struct ike_chain *c, const struct script *s)
{
	struct config_pki own = { .own_count = 2, .send_chain = (s->more & MORE_LEAF_ALONE) == 0 };
	const struct config_pki *theirs = pki_of_spoke(s->spoke);

	memcpy(own.own, theirs->own, sizeof(own.own));
	if (s->more & MORE_STRANGER)
		ike_certs_write(c, pki_of_spoke(0));
	ike_certs_write(c, &own);
}

/** Of the payloads from one to the last but one. */
static void
change(uint8_t *plain, size_t bytes, const struct cursor *changes, unsigned from, unsigned to)
{
	size_t at[CHAIN + 1] = { 0 };
	unsigned count = 0;

	/* As far as it is whole: the length of the ID may have been changed already. */
	while (count < CHAIN && at[count] + 4 <= bytes) {
		size_t one = (size_t)(plain[at[count] + 2] << 8 | plain[at[count] + 3]);

		if (one < 4 || one > bytes - at[count])
			break;
		at[count + 1] = at[count] + one;
		count++;
	}
	for (struct cursor c = *changes; cur_left(&c) >= CHANGE;) {
		unsigned payload = cur_u8(&c) % CHAIN;
		size_t where = cur_be16(&c);
		uint8_t with = cur_u8(&c);

		if (payload < from || payload >= to || payload >= count)
			continue;
		where = at[payload] + where % (at[payload + 1] - at[payload]);
		plain[where] ^= with;
	}
}

/** True when the signature was made. */
static bool
write_all(struct ike_chain *c, struct ike_sa *sa, const struct script *s)
{
	uint8_t *plain = sa->ike->plain;
	struct config_identity id = identity_of(s);

	ike_msg_begin(sa->ike, c);
	ike_chain_id(c, sa->initiator ? PAYLOAD_IDI : PAYLOAD_IDR, &id);
	struct ike_view body = ike_view_of(plain + 4, wr_used(&c->w) - 4);

	change(plain, wr_used(&c->w), &s->changes, 0, 1);
	write_certs(c, s);
	ike_certreq_write(c, announcer->trust);
	bool made = write_auth(c, sa, s, &sa->keys, body);

	write_ppk(c, sa, s, body);
	if (sa->initiator && (s->more & MORE_CHILDLESS) == 0)
		ike_child_offer(c, sa, 0x7001);
	change(plain, wr_used(&c->w), &s->changes, 1, CHAIN);
	return made;
}

/** The rule about SHA-1 turned, all else as it is. */
static void
reload(const struct script *s)
{
	config_pki_put(n.hub.profile.pki);
	n.hub.profile.pki = config_pki_get(pki_of_hub(s->how ^ HOW_SHA1));
	net_configure(&n.hub);
}

static void
send_all(struct ike_chain *c, struct ike_sa *sa, const struct script *s)
{
	if (sa->initiator) {
		sa->window.send_id = 1;
		ike_msg_request(sa, c, EXCHANGE_AUTH, n.now_ms);
	} else {
		sa->window.recv_id = 2; /* as if the hub's had been received */
		ike_msg_reply(sa, c, EXCHANGE_AUTH, &sa->path);
	}
	net_run(&n, 20);
	if (s->around & AROUND_RELOAD)
		reload(s);
	net_jobs(&n.hub);
	net_run(&n, 50);
}

/* ---- what has to come of it -------------------------------------------------------------- */

/** Nothing about it is wrong, and the hub's answer can be checked: by method 14 with SHA-256. */
static bool
is_right(const struct script *s)
{
	static const uint8_t schemes[GOOD] = { SIGN_ECDSA, SIGN_ED25519, SIGN_RSA_PSS, SIGN_ECDSA,
		SIGN_ECDSA };
	uint8_t wanted = 1u << HASH_SHA256 | 1u << HASH_IDENTITY;

	return s->spoke < GOOD && s->scheme == schemes[s->spoke] &&
		s->hash == (s->spoke == 1 ? HASH_IDENTITY : HASH_SHA256) &&
		(s->hashes & wanted) == wanted && (s->how & HOW_FORGED) == 0 &&
		(s->more & ~MORE_CHILDLESS) == 0 && cur_left(&s->changes) < CHANGE;
}

static void
prove(struct ike_sa *sa, const struct script *s)
{
	struct ike_chain c;
	bool made = write_all(&c, sa, s);

	send_all(&c, sa, s);
	if (n.hub.ups > 0 && (s->how & HOW_FORGED || !made))
		__builtin_trap();
	if (n.hub.ups == 0 && is_right(s))
		__builtin_trap();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cur_over(data, size);

	if (size < 6 || size > 200)
		return 0;
	if (announcer == NULL) {
		announcer = config_pki_new();
		announcer->sha1 = true;
		announcer->trust = vector_trust("root", CERT_CRL_OFF, true, NULL);
	}
	struct script s = { .how = cur_u8(&c), .spoke = cur_u8(&c) % SPOKES };
	uint8_t alg = cur_u8(&c);

	s.scheme = (alg & 15) % 6;
	s.hash = (alg >> 4) % 6;
	s.hashes = cur_u8(&c);
	s.more = cur_u8(&c);
	s.around = cur_u8(&c);
	s.changes = c;
	struct ike_sa *sa = begin(&s);

	if (sa != NULL)
		prove(sa, &s);
	n.hub.jobs_room = 0;
	aftermath(&n);
	return 0;
}
