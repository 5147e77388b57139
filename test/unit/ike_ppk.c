/* SPDX-License-Identifier: BSD-3-Clause */
/* Post-quantum preshared keys (RFC 8784): who needs, has and names which, and what follows. */
#include "control/ike/ike_engine.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */

static bool hub_ppk, spoke_ppk;

static void
sa_seen(void *arg, const struct ike_sa_info *i)
{
	*(bool *)arg = i->ppk;
}

/** What a side has: an id, a key, whom it is for, and how strictly. */
struct has {
	const char *id, *key, *peer;
	bool required;
};

static void
give(struct node *nd, const struct has *h)
{
	if (h->id == NULL)
		return;
	nd->ppks[0] = net_ppk(h->id, h->key);
	if (h->peer != NULL)
		nd->ppks[0].whom.identity = net_fqdn(h->peer);
	nd->ppks[0].required = h->required;
	nd->ppks_count = 1;
}

static void
run(const struct has *hub, const struct has *spoke)
{
	net_begin(&n);
	n.spoke.profile.local_identity = net_fqdn("branch7.example");
	give(&n.hub, hub);
	give(&n.spoke, spoke);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 40000);
	hub_ppk = spoke_ppk = false;
	ike_each_sa(n.hub.ike, n.now_ms, sa_seen, &hub_ppk);
	ike_each_sa(n.spoke.ike, n.now_ms, sa_seen, &spoke_ppk);
}

#define K1 "0123456789abcdef0123456789abcdef"
#define K2 "another key of thirty-two octets"

static void
every_pairing(void)
{
	static const struct {
		struct has hub, spoke;
		bool up, used;
		enum ike_reason hub_says, spoke_says;
	} cases[] = {
		/* both have it */
		{ { "p", K1, NULL, false }, { "p", K1, NULL, false }, true, true, 0, 0 },
		{ { "p", K1, "branch7.example", true }, { "p", K1, NULL, true }, true, true, 0, 0 },
		/* one has none: without, unless somebody insists */
		{ { 0 }, { "p", K1, NULL, false }, true, false, 0, 0 },
		{ { 0 }, { "p", K1, NULL, true }, false, false, 0, IKE_REASON_PPK_REQUIRED },
		{ { "p", K1, NULL, false }, { 0 }, true, false, 0, 0 },
		{ { "p", K1, "branch7.example", true }, { 0 }, false, false,
			IKE_REASON_PPK_REQUIRED, IKE_REASON_AUTH_REFUSED },
		{ { "p", K1, "branch8.example", true }, { 0 }, true, false, 0, 0 },
		/* different names: NO_PPK_AUTH, unless somebody insists */
		{ { "p", K1, NULL, false }, { "q", K1, NULL, false }, true, false, 0, 0 },
		{ { "p", K1, NULL, false }, { "q", K1, NULL, true }, false, false,
			IKE_REASON_PPK_UNKNOWN, IKE_REASON_AUTH_REFUSED },
		{ { "p", K1, "branch7.example", true }, { "q", K1, NULL, false }, false, false,
			IKE_REASON_PPK_REQUIRED, IKE_REASON_AUTH_REFUSED },
		/* the name of another's key does not help */
		{ { "p", K1, "branch8.example", false }, { "p", K1, NULL, true }, false, false,
			IKE_REASON_PPK_UNKNOWN, IKE_REASON_AUTH_REFUSED },
		/* same name, another key: the proof fails, whatever NO_PPK_AUTH says */
		{ { "p", K1, NULL, false }, { "p", K2, NULL, false }, false, false,
			IKE_REASON_PSK_MISMATCH, IKE_REASON_AUTH_REFUSED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = check_bad;

		check_bad = false;
		run(&cases[i].hub, &cases[i].spoke);
		CHECK_EQ(n.hub.ups, cases[i].up);
		CHECK_EQ(n.spoke.ups, cases[i].up);
		CHECK_EQ(net_children(&n.hub), cases[i].up);
		CHECK(net_agrees(&n)); /* the same keys, where there are any */
		CHECK_EQ(hub_ppk, cases[i].used);
		CHECK_EQ(spoke_ppk, cases[i].used);
		if (cases[i].hub_says != 0)
			CHECK_EQ(n.hub.events[cases[i].hub_says], 1);
		if (cases[i].spoke_says != 0)
			CHECK_EQ(n.spoke.events[cases[i].spoke_says], 1);
		CHECK_EQ(n.hub.spis + n.spoke.spis, 2 * cases[i].up);
		if (check_bad)
			printf("# case %zu\n", i);
		check_bad |= before;
		net_end(&n);
	}
}

/** Mixed in for good: rekeys of child and IKE SA go on from the mixed tree. */
static void
rekeys_go_on(void)
{
	static const struct has has = { "p", K1, NULL, false };

	run(&has, &has);
	ike_child_soft(n.spoke.ike, n.spoke.sending, n.now_ms);
	net_run(&n, 5000);
	CHECK(net_agrees(&n));
	struct ike_peer *peer = map_get(&n.hub.ike->by_session, n.hub.session.session);

	peer->sa->soft_ms = n.now_ms;
	ike_sa_arm(peer->sa);
	net_run(&n, 5000);
	ike_each_sa(n.hub.ike, n.now_ms, sa_seen, &hub_ppk);
	CHECK(hub_ppk);
	ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
	net_run(&n, 5000);
	CHECK(net_agrees(&n));
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	CHECK_EQ(n.hub.installs, 3);
	net_end(&n);
}

/** The key really goes in: the same session without it has other ESP keys. */
static void
keys_differ_with_it(void)
{
	static const struct has has = { "p", K1, NULL, false }, other = { "p", K2, NULL, false },
				none = { 0 };
	const struct has *all[] = { &none, &has, &other };
	struct ike_esp_keys keys[3];

	for (unsigned i = 0; i < 3; i++) {
		run(all[i], all[i]);
		CHECK_EQ(n.hub.ups, 1);
		keys[i] = n.hub.child[0].sa.in;
		net_end(&n);
	}
	for (unsigned i = 0; i < 3; i++)
		CHECK(memcmp(keys[i].encr, keys[(i + 1) % 3].encr, keys[i].encr_bytes) != 0);
}

/** RFC 8784, 3: SK_d, SK_pi and SK_pr become prf+(PPK, old), SK_e and SK_a stay. */
static void
tree_is_mixed_as_the_rfc_says(void)
{
	struct ike_keys k = { .prf = prf_find(PRF_HMAC_SHA2_256) };
	uint8_t want[32], old[3][32];
	struct secret ppk = { 0 };
	uint8_t one = 1;

	for (unsigned i = 0; i < 32; i++) {
		k.d[i] = old[0][i] = (uint8_t)i;
		k.pi[i] = old[1][i] = (uint8_t)(i + 40);
		k.pr[i] = old[2][i] = (uint8_t)(i + 90);
	}
	secret_set(&ppk, K1, strlen(K1));
	CHECK_EQ(ike_keys_ppk(&k, &ppk), 0);
	for (unsigned i = 0; i < 3; i++) { /* prf+ of one block is prf(K, S | 0x01) */
		struct octets parts[] = { { old[i], 32 }, { &one, 1 } };

		CHECK_EQ(hmac(HASH_SHA256, K1, strlen(K1), parts, 2, want), 0);
		CHECK_MEM(i == 0 ? k.d : i == 1 ? k.pi : k.pr, want, 32);
	}
	secret_wipe(&ppk);
}

int
main(void)
{
	TEST(every_pairing);
	TEST(rekeys_go_on);
	TEST(keys_differ_with_it);
	TEST(tree_is_mixed_as_the_rfc_says);
	return check_done();
}
