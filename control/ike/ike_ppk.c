/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_ppk.h"

#include <errno.h>

#include "config/whom.h"
#include "control/ike/ike_engine.h"
#include "crypto/secret.h"

#define PPK_ID_FIXED 2 /* RFC 8784, 5.1 */

bool
ike_ppk_known(const struct ike *ike)
{
	return ike->ring.ppks_count > 0;
}

/** The key of that name; one bound to an identity is for that peer only. */
static const struct ike_ppk *
ppk_find(const struct ike *ike, struct ike_view id, const struct config_identity *peer)
{
	uint32_t i = whom_find(ike->ring.ppks_by, peer, NULL, id.data, id.bytes);

	return i == WHOM_NONE ? NULL : &ike->ring.ppks[i];
}

static bool
is_required(const struct ike *ike, const struct config_identity *peer)
{
	return whom_find(ike->ring.ppks_needed, peer, NULL, NULL, 0) != WHOM_NONE;
}

/** The name in a PPK_IDENTITY; data NULL when there is none of a kind we know. */
static struct ike_view
named_id(const struct ike_payloads *p)
{
	const struct ike_notify *n = ike_notify_find(p, N_PPK_IDENTITY);

	if (n == NULL || n->data.bytes < 2 || n->data.data[0] != PPK_ID_FIXED)
		return ike_view_of(NULL, 0);
	return ike_view_of(n->data.data + 1, n->data.bytes - 1);
}

/** Mix the key in; the tree without it is kept for a peer that does not have it. */
static int
mix(struct ike_sa *sa, const struct ike_ppk *key)
{
	struct ike_setup *s = sa->setup;

	memcpy(s->without_d, sa->keys.d, sizeof(s->without_d));
	memcpy(s->without_pi, sa->keys.pi, sizeof(s->without_pi));
	memcpy(s->without_pr, sa->keys.pr, sizeof(s->without_pr));
	s->ppk_used = true;
	return ike_keys_ppk(&sa->keys, &key->key);
}

void
ike_ppk_undo(struct ike_sa *sa)
{
	struct ike_setup *s = sa->setup;

	if (!s->ppk_used)
		return;
	s->ppk_used = false;
	memcpy(sa->keys.d, s->without_d, sizeof(s->without_d));
	memcpy(sa->keys.pi, s->without_pi, sizeof(s->without_pi));
	memcpy(sa->keys.pr, s->without_pr, sizeof(s->without_pr));
}

enum ike_reason
ike_ppk_take(struct ike_sa *sa, struct ike_msg *in, struct ike_finding *f)
{
	struct ike_setup *s = sa->setup;
	struct ike_view id = s->use_ppk ? named_id(&in->p) : ike_view_of(NULL, 0);
	const struct ike_notify *without = ike_notify_find(&in->p, N_NO_PPK_AUTH);
	const struct ike_ppk *key = id.data == NULL ? NULL : ppk_find(sa->ike, id, &s->claimed);

	if (key != NULL)
		return mix(sa, key) == 0 ? IKE_REASON_NONE
					 : ike_find(f, IKE_REASON_INSTALL_FAILED, "%s", "");
	if (is_required(sa->ike, &s->claimed))
		return ike_find(f, IKE_REASON_PPK_REQUIRED, "%s",
			id.data != NULL ? "its PPK is none of ours" : "it came without a PPK");
	if (id.data == NULL)
		return IKE_REASON_NONE;
	if (without == NULL)
		return ike_find(f, IKE_REASON_PPK_UNKNOWN, "it insists on a PPK we do not know");
	in->p.auth = without->data;
	return IKE_REASON_NONE;
}

void
ike_ppk_answer(struct ike_chain *c, const struct ike_sa *sa)
{
	if (sa->setup->ppk_used)
		ike_chain_notify(c, N_PPK_IDENTITY, NULL, 0);
}

/* ---- initiator: the first key of the list is ours -------------------------------------- */

int
ike_ppk_begin(struct ike_sa *sa)
{
	struct ike_setup *s = sa->setup;

	if (!ike_ppk_known(sa->ike))
		return 0;
	if (!s->use_ppk)
		return sa->ike->ring.ppks[0].required ? -ENOENT : 0;
	return mix(sa, &sa->ike->ring.ppks[0]);
}

bool
ike_ppk_optional(const struct ike_sa *sa)
{
	return sa->initiator && sa->setup->ppk_used && !sa->ike->ring.ppks[0].required;
}

/** The AUTH data we would have sent without the key, as NO_PPK_AUTH. */
static int
without_write(struct ike_chain *c, const struct ike_exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_keys kept = sa->keys;
	uint8_t room[2048], first;
	struct ike_chain auth;

	ike_chain_bare(&auth, room, sizeof(room), &first);
	ike_ppk_undo(sa); /* for a shared key, whose proof is made now */
	int err = ike_proof_write(&auth, x, PROOF_NO_PPK);

	memcpy(sa->keys.d, kept.d, sizeof(kept.d));
	memcpy(sa->keys.pi, kept.pi, sizeof(kept.pi));
	memcpy(sa->keys.pr, kept.pr, sizeof(kept.pr));
	sa->setup->ppk_used = true;
	secret_wipe_bytes(&kept, sizeof(kept));
	if (err == 0 && wr_used(&auth.w) > 8) /* behind payload header, method, reserved */
		ike_chain_notify(c, N_NO_PPK_AUTH, room + 8, wr_used(&auth.w) - 8);
	return err;
}

int
ike_ppk_write(struct ike_chain *c, const struct ike_exchange *x)
{
	const struct ike_ppk *k = &x->sa->ike->ring.ppks[0];
	uint8_t data[1 + sizeof(k->id)] = { PPK_ID_FIXED };

	if (!x->sa->setup->ppk_used)
		return 0;
	memcpy(data + 1, k->id, k->id_bytes);
	ike_chain_notify(c, N_PPK_IDENTITY, data, 1u + k->id_bytes);
	return ike_ppk_optional(x->sa) ? without_write(c, x) : 0;
}

enum ike_reason
ike_ppk_answered(struct ike_sa *sa, const struct ike_payloads *p, struct ike_finding *f)
{
	if (!sa->setup->ppk_used || ike_notify_find(p, N_PPK_IDENTITY) != NULL)
		return IKE_REASON_NONE;
	if (sa->ike->ring.ppks[0].required)
		return ike_find(f, IKE_REASON_PPK_REQUIRED, "it answered without the PPK");
	ike_ppk_undo(sa);
	return IKE_REASON_NONE;
}
