/* SPDX-License-Identifier: BSD-3-Clause */
/** The path to a spoke: which session an ICMP error is about, and what follows from it. */
#include <stdio.h>

#include "control/spoke/link.h"

/** Equal for what goes to the same SA; addresses and ports of who is found are compared. */
static uint64_t
sending_key(const struct addr *remote, uint16_t port, uint32_t spi)
{
	return (uint64_t)addr_hash(remote, port) << 32 | spi;
}

void
session_sending(struct spokes *s, struct session *e, struct child *c)
{
	const struct dp_peer *to = c != NULL && e->links != NULL ? &e->links->spec : NULL;

	if (e->sending != NULL && map_get(&s->by_sending, e->sending_key) == e)
		map_del(&s->by_sending, e->sending_key);
	e->sending = c;
	if (to == NULL)
		return;
	e->sending_key = sending_key(&to->remote, to->udp_remote, c->spi_out);
	(void)map_set(&s->by_sending, e->sending_key, e); /* else only its path is not learnt */
}

static struct session *
claimed_session(const struct spokes *s, const struct pmtu_claim *c)
{
	struct session *e = map_get(&s->by_sending, sending_key(&c->remote, c->udp_remote, c->spi));
	const struct dp_peer *to = e != NULL && e->links != NULL ? &e->links->spec : NULL;

	if (to == NULL || to->udp_remote != c->udp_remote || to->udp_local != c->udp_local)
		return NULL;
	return addr_equal(&to->remote, &c->remote) && addr_equal(&to->local, &c->local) ? e : NULL;
}

uint16_t
session_path_mtu(const struct session *e, const struct cloud_entry *cloud)
{
	return cloud->cfg.df != DF_CLEAR ? e->pmtu.bytes : 0;
}

static bool
sets_df(const struct session *e)
{
	for (const struct link *l = e->links; l != NULL; l = l->next_of_session)
		if (l->cloud->cfg.df != DF_CLEAR)
			return true;
	return false;
}

/** Of the outbound SA, which all links of the session share. */
static struct pmtu_sent
sent_of(const struct spokes *s, const struct session *e)
{
	struct pmtu_sent sent = { 0 };
	struct dp_peer peer;
	uint32_t spi;

	if (!dp_peer_read(s->dp, e->links->peer, &peer, &spi, &sent.seq) ||
		spi != e->sending->spi_out)
		return (struct pmtu_sent){ 0 };
	for (const struct link *l = e->links; l != NULL; l = l->next_of_session) {
		struct dp_peer_stats st;

		dp_peer_stats(s->dp, l->peer, &st);
		sent.lately += st.tx_packets - l->seen_tx_before;
	}
	return sent;
}

static void
path_publish(struct spokes *s, struct session *e, const char *what, const char *why)
{
	for (struct link *l = e->links; l != NULL; l = l->next_of_session) {
		uint16_t mtu = session_path_mtu(e, l->cloud);

		if (l->spec.path_mtu == mtu)
			continue;
		l->spec.path_mtu = mtu;
		link_publish(s, l);
		link_log(l, what, why);
	}
}

static enum pmtu_outcome
judge(struct spokes *s, const struct dp_msg *m)
{
	char who[ADDR_TEXT_BYTES], why[ADDR_TEXT_BYTES + 32];
	struct pmtu_claim claim;
	struct session *e;
	struct pmtu_sent sent;
	enum pmtu_outcome o;

	if (pmtu_claim_read(m->data, m->bytes, &claim) != 0)
		return PMTU_MALFORMED;
	e = claimed_session(s, &claim);
	if (e == NULL || !addr_equal(&claim.local, &m->local))
		return PMTU_NO_SA;
	if (!sets_df(e))
		return PMTU_NO_DF;
	sent = sent_of(s, e);
	o = pmtu_take(&e->pmtu, &claim, &sent, s->now_ms);
	if (o != PMTU_LOWERED)
		return o;
	snprintf(why, sizeof(why), "%u bytes, says %s", claim.mtu, addr_print(&m->remote, who));
	path_publish(s, e, "path MTU lowered", why);
	return o;
}

void
session_too_big(struct spokes *s, const struct dp_msg *m)
{
	s->too_big[judge(s, m)]++;
}

void
session_path_forget(struct spokes *s, struct session *e)
{
	e->pmtu = (struct pmtu){ 0 };
	path_publish(s, e, "path MTU forgotten", NULL);
}

void
session_path_age(struct spokes *s, struct session *e)
{
	if (e->pmtu.bytes != 0 && s->now_ms - e->pmtu.since_ms >= PMTU_KEEP_MS)
		session_path_forget(s, e);
}

uint64_t
spokes_too_big(const struct spokes *s, enum pmtu_outcome outcome)
{
	return s->too_big[outcome];
}
