/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/spoke_rig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/route/rib.h"

struct spoke_rig rig;

static void __attribute__((format(printf, 1, 2))) note(const char *fmt, ...)
{
	size_t at = strlen(rig.trace);
	va_list args;

	va_start(args, fmt);
	vsnprintf(rig.trace + at, sizeof(rig.trace) - at, fmt, args);
	va_end(args);
	strncat(rig.trace, " ", sizeof(rig.trace) - strlen(rig.trace) - 1);
}

void
rig_mark(void)
{
	rig.trace[0] = '\0';
}

/** The word as a whole, behind `from`. */
static const char *
word_at(const char *from, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(from, word); p != NULL; p = strstr(p + 1, word))
		if (p[n] == ' ' && (p == rig.trace || p[-1] == ' '))
			return p;
	return NULL;
}

bool
rig_did(const char *first, ...)
{
	const char *at = rig.trace;
	va_list args;

	va_start(args, first);
	for (const char *w = first; w != NULL; w = va_arg(args, const char *)) {
		at = word_at(at, w);
		if (at == NULL) {
			printf("# no %s in its place: %s\n", w, rig.trace);
			break;
		}
		at += strlen(w);
	}
	va_end(args);
	return at != NULL;
}

bool
rig_did_not(const char *word)
{
	if (word_at(rig.trace, word) == NULL)
		return true;
	printf("# %s in: %s\n", word, rig.trace);
	return false;
}

/* ---- the data plane ------------------------------------------------------------------ */

int
dp_peer_new(struct dp *dp, const struct dp_peer *spec, uint32_t *peer)
{
	if (dp->fail_peer != 0)
		return dp->fail_peer;
	for (*peer = 1; dp->peer[*peer].used; (*peer)++)
		;
	dp->peer[*peer] = (struct rig_peer){ .used = true, .spec = *spec };
	note("peer+%u", *peer);
	return 0;
}

int
dp_peer_set(struct dp *dp, uint32_t peer, const struct dp_peer *spec)
{
	if (!dp->peer[peer].used)
		return -ENOENT;
	dp->peer[peer].spec = *spec;
	return 0;
}

int
dp_peer_sa_out(struct dp *dp, uint32_t peer, const struct dp_sa *sa)
{
	if (!dp->peer[peer].used)
		return -ENOENT;
	if (sa == NULL && dp->peer[peer].out == 0)
		return 0;
	dp->peer[peer].out = sa != NULL ? sa->spi : 0;
	note("out%u=%u", peer, dp->peer[peer].out);
	return 0;
}

int
dp_peer_sa_share(struct dp *dp, uint32_t peer, uint32_t with)
{
	if (!dp->peer[peer].used || !dp->peer[with].used)
		return -ENOENT;
	dp->peer[peer].out = dp->peer[with].out;
	note("share%u=%u", peer, with);
	return 0;
}

void
dp_peer_free(struct dp *dp, uint32_t peer)
{
	note("peer-%u", peer);
	dp->peer[peer].used = false;
}

bool
dp_peer_read(const struct dp *dp, uint32_t peer, struct dp_peer *out, uint32_t *spi_out,
	uint64_t *seq_out)
{
	*out = dp->peer[peer].spec;
	*spi_out = dp->peer[peer].out;
	*seq_out = dp->peer[peer].seq;
	return dp->peer[peer].used;
}

void
dp_peer_stats(const struct dp *dp, uint32_t peer, struct dp_peer_stats *out)
{
	*out = dp->peer[peer].stats;
}

int
dp_spi_new(struct dp *dp, uint32_t *spi)
{
	*spi = dp->next_spi++;
	return 0;
}

uint64_t
dp_ike_spi(struct dp *dp, uint64_t random)
{
	(void)dp;
	return random << 32 | RIG_SPI_MARK;
}

void
dp_ike_spi_proven(struct dp *dp, uint64_t spi)
{
	dp->ike_spi_proven = spi;
}

void
dp_ike_spi_free(struct dp *dp, uint64_t spi)
{
	dp->ike_spi_free = spi;
}

void
dp_spi_free(struct dp *dp, uint32_t spi)
{
	(void)dp;
	(void)spi;
}

static struct rig_sa *
sa_find(struct dp *dp, uint32_t spi)
{
	for (int i = 0; i < RIG_SAS; i++)
		if (dp->sa[i].spi == spi)
			return &dp->sa[i];
	return NULL;
}

int
dp_sa_in_attach(struct dp *dp, uint32_t peer, const struct dp_sa *sa)
{
	if (dp->fail_attach != 0)
		return dp->fail_attach;
	if (!dp->peer[peer].used)
		return -ENOENT;
	*sa_find(dp, 0) = (struct rig_sa){ .spi = sa->spi, .peer = peer, .cookie = sa->cookie };
	note("in+%u@%u", sa->spi, peer);
	return 0;
}

int
dp_sa_in_move(struct dp *dp, uint32_t spi, uint32_t peer)
{
	struct rig_sa *sa = sa_find(dp, spi);

	if (sa == NULL || !dp->peer[peer].used)
		return -ENOENT;
	sa->peer = peer;
	note("move%u@%u", spi, peer);
	return 0;
}

int
dp_sa_in_retire(struct dp *dp, uint32_t spi, uint32_t grace_ms)
{
	struct rig_sa *sa = sa_find(dp, spi);

	note("in-%u/%u", spi, grace_ms);
	if (sa == NULL)
		return -ENOENT;
	sa->spi = 0;
	return 0;
}

static struct rig_nbma *
nbma_find(const struct dp *dp, uint16_t cloud, const struct addr *a)
{
	for (int i = 0; i < RIG_PEERS; i++)
		if (dp->nbma[i].cloud == cloud &&
			(cloud == 0 || addr_equal(&dp->nbma[i].overlay, a)))
			return (struct rig_nbma *)(uintptr_t)&dp->nbma[i];
	return NULL;
}

int
dp_nbma_set(struct dp *dp, uint16_t cloud, const struct addr *overlay, uint32_t peer)
{
	struct rig_nbma *n = nbma_find(dp, cloud, overlay);
	char text[ADDR_TEXT_BYTES];

	if (!dp->peer[peer].used)
		return -ENOENT;
	if (n == NULL)
		n = nbma_find(dp, 0, NULL);
	*n = (struct rig_nbma){ .cloud = cloud, .overlay = *overlay, .peer = peer };
	note("nbma+%s@%u", addr_print(overlay, text), peer);
	return 0;
}

int
dp_nbma_del(struct dp *dp, uint16_t cloud, const struct addr *overlay)
{
	struct rig_nbma *n = nbma_find(dp, cloud, overlay);
	char text[ADDR_TEXT_BYTES];

	if (n == NULL)
		return -ENOENT;
	n->cloud = 0;
	note("nbma-%s", addr_print(overlay, text));
	return 0;
}

int
dp_send_gre(struct dp *dp, uint32_t peer, uint16_t ether_type, const void *data, size_t bytes)
{
	(void)ether_type;
	(void)data;
	(void)bytes;
	dp->gre_peer = peer;
	return 0;
}

int
dp_send_udp(struct dp *dp, const struct addr *local, uint16_t local_port, const struct addr *remote,
	uint16_t remote_port, uint32_t uplink, const void *data, size_t bytes)
{
	(void)local;
	(void)remote;
	(void)uplink;
	dp->udp = (struct rig_udp){ local_port, remote_port, (uint16_t)bytes, { 0 } };
	memcpy(dp->udp.first, data, bytes < 8 ? bytes : 8);
	return 0;
}

/* ---- the rib --------------------------------------------------------------------------- */

uint32_t
rib_uplink_get(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token)
{
	(void)r;
	(void)ctx;
	(void)remote;
	(void)token;
	return rig.uplink;
}

void
rib_uplink_put(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token)
{
	(void)r;
	(void)ctx;
	(void)remote;
	(void)token;
}

uint32_t
rib_uplink_find(struct rib *r, uint16_t ctx, const struct addr *remote)
{
	return rib_uplink_get(r, ctx, remote, 0);
}

void
rib_binding_set(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p,
	const struct addr *next_hop)
{
	char text[ADDR_TEXT_BYTES];

	(void)r;
	(void)ctx;
	(void)next_hop;
	note("route+%s#%u", prefix_print(p, text), cloud);
}

void
rib_binding_del(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p)
{
	char text[ADDR_TEXT_BYTES];

	(void)r;
	(void)ctx;
	note("route-%s#%u", prefix_print(p, text), cloud);
}

void
rib_lookup(const struct rib *r, uint16_t ctx, const struct addr *dst, struct rib_answer *out)
{
	(void)r;
	(void)ctx;
	(void)dst;
	*out = (struct rib_answer){ .kind = RIB_NONE };
}

/* ---- the IKE engine ---------------------------------------------------------------------- */

static struct rig_session *
session_find(uint64_t id)
{
	for (int i = 0; i < 16; i++)
		if (rig.session[i].id == id)
			return &rig.session[i];
	return NULL;
}

void
ike_input(
	struct ike *ike, const struct ike_path *path, const uint8_t *msg, size_t n, uint64_t now_ms)
{
	(void)ike;
	(void)path;
	(void)msg;
	(void)n;
	(void)now_ms;
}

void
ike_child_installed(struct ike *ike, uint64_t child, int err, uint64_t now_ms)
{
	(void)ike;
	(void)err;
	(void)now_ms;
	note("installed:%llu", (unsigned long long)child);
}

void
ike_child_used(struct ike *ike, uint64_t child, uint64_t now_ms)
{
	(void)ike;
	(void)child;
	(void)now_ms;
}

void
ike_child_soft(struct ike *ike, uint64_t child, uint64_t now_ms)
{
	ike_child_used(ike, child, now_ms);
}

void
ike_path_moved(
	struct ike *ike, uint64_t child, const struct addr *remote, uint16_t port, uint64_t now_ms)
{
	(void)remote;
	(void)port;
	ike_child_used(ike, child, now_ms);
}

void
ike_proof_of_life(struct ike *ike, uint64_t session, uint64_t now_ms)
{
	ike_child_used(ike, session, now_ms);
	rig.lives++;
}

void
ike_sent(struct ike *ike, uint64_t session, uint64_t since_ms)
{
	(void)ike;
	rig.sent_session = session;
	rig.sent_since_ms = since_ms;
}

void
ike_probe(struct ike *ike, uint64_t session, uint64_t now_ms)
{
	ike_child_used(ike, session, now_ms);
	rig.probes++;
}

void
ike_unknown_spi(struct ike *ike, const struct ike_path *path, uint32_t spi, uint64_t now_ms)
{
	(void)path;
	ike_child_used(ike, spi, now_ms);
}

int
ike_rekey(struct ike *ike, uint64_t session, uint64_t now_ms)
{
	(void)ike;
	(void)now_ms;
	if (session_find(session) == NULL)
		return -ENOENT;
	note("rekey:%llu", (unsigned long long)session);
	return 0;
}

uint64_t
ike_initiate(struct ike *ike, const struct ike_dial *dial, uint64_t now_ms)
{
	char remote[ADDR_TEXT_BYTES], who[IKE_ID_BYTES];

	(void)ike;
	(void)now_ms;
	if (rig.refuse_dial)
		return 0;
	note("dial:%s:%u>%u%s%s/%s", addr_print(&dial->path.remote, remote), dial->path.remote_port,
		dial->path.local_port, dial->path.natt ? "/natt" : "",
		dial->psk                 ? "/psk"
			: dial->transport ? ""
					  : "/tunnel",
		ike_identity_print(&dial->peer, who, sizeof(who)));
	return ++rig.next_id;
}

int
ike_close(struct ike *ike, uint64_t session, enum ike_reason reason, uint64_t now_ms)
{
	(void)ike;
	(void)now_ms;
	if (session_find(session) == NULL)
		return -ENOENT;
	note("close:%llu", (unsigned long long)session);
	rig_gone(session, reason);
	return 0;
}

void
ike_each_failure(
	const struct ike *ike, void (*fn)(void *arg, const struct ike_failure *), void *arg)
{
	(void)ike;
	if (rig.failure.count != 0)
		fn(arg, &rig.failure);
}

bool
ike_failure_find(const struct ike *ike, const char *identity, struct ike_failure *out)
{
	(void)ike;
	*out = rig.failure;
	return rig.failure.count != 0 && strcmp(rig.failure.event.identity, identity) == 0;
}

uint64_t
rig_session(const struct rig_who *who, const char *profile)
{
	struct rig_session *e = session_find(0);
	struct ike_session *i = &e->info;

	*i = (struct ike_session){
		.session = ++rig.next_id, .authority = rig.authority, .nat_remote = who->port != 0
	};
	addr_parse("192.0.2.1", &i->path.local);
	addr_parse(who->nbma, &i->path.remote);
	i->path.natt = who->port != 0;
	i->path.local_port = who->port != 0 ? 4500 : 500;
	i->path.remote_port = who->port != 0 ? who->port : 500;
	i->peer.type = ID_FQDN;
	i->peer.bytes = (uint8_t)strlen(who->identity);
	memcpy(i->peer.data, who->identity, i->peer.bytes);
	snprintf(i->peer_text, sizeof(i->peer_text), "%s", who->identity);
	snprintf(i->profile, sizeof(i->profile), "%s", profile);
	e->id = i->session;
	spoke_ike_ops.peer_up(rig.s, i);
	return e->id;
}

int
rig_child_install(uint64_t session, uint64_t *child)
{
	struct rig_session *e = session_find(session);
	struct ike_child_sa sa = {
		.child = ++rig.next_id,
		.session = session,
		.spi_in = spoke_ike_ops.spi_alloc(rig.s),
		.encr = 20,
		.encr_bits = 256,
		.udp = e->info.path.natt,
		.replay_window = 64,
		.in.encr_bytes = 36,
		.out.encr_bytes = 36,
		.path = e->info.path,
		.ts_local = e->info.path.local,
		.ts_remote = e->info.path.remote,
		.remote_claimed = e->info.path.remote,
		.peer = e->info.peer,
	};
	int err;

	sa.spi_out = sa.spi_in + 400;
	memcpy(sa.profile, e->info.profile, sizeof(sa.profile));
	*child = sa.child;
	err = spoke_ike_ops.child_install(rig.s, &sa);
	for (int i = 0; err == -EINPROGRESS && i < 4; i++)
		if (e->child[i] == 0) {
			e->child[i] = sa.child;
			break;
		}
	return err == -EINPROGRESS ? 0 : err;
}

static void
attached(uint64_t child)
{
	struct dp_msg m = { .type = DP_SA_ATTACHED, .cookie = child };

	spokes_message(rig.s, &m, rig.now_ms);
}

uint64_t
rig_child(uint64_t session)
{
	uint64_t child;

	if (rig_child_install(session, &child) != 0)
		abort();
	attached(child);
	spoke_ike_ops.child_use_outbound(rig.s, child);
	return child;
}

uint64_t
rig_up(const struct rig_who *who, const char *profile)
{
	uint64_t session = rig_session(who, profile);

	rig_child(session);
	return session;
}

void
rig_child_gone(uint64_t session, uint64_t child, enum ike_reason reason)
{
	struct rig_session *e = session_find(session);

	for (int i = 0; i < 4; i++)
		if (e->child[i] == child)
			e->child[i] = 0;
	spoke_ike_ops.child_remove(rig.s, child, reason);
}

void
rig_gone(uint64_t session, enum ike_reason reason)
{
	struct rig_session *e = session_find(session);

	for (int i = 0; i < 4; i++)
		if (e->child[i] != 0)
			rig_child_gone(session, e->child[i], reason);
	spoke_ike_ops.peer_down(rig.s, &e->info, reason);
	e->id = 0;
}

/* ---- NHRP ----------------------------------------------------------------------------------- */

void
rig_register(uint16_t cloud, uint32_t peer, const char *overlay, const struct rig_who *who,
	uint16_t hold_s)
{
	static const uint8_t none[1];
	static uint32_t request_id;
	struct nhrp_cie cie = { .prefix_bits = 0xff, .mtu = 1400, .hold_s = hold_s };
	struct dp_msg msg = { .type = DP_NHRP, .cloud = cloud, .peer = peer };
	struct nhrp_msg m = {
		.type = NHRP_REGISTRATION_REQUEST,
		.hops = 64,
		.nbma_family = ADDR_V4,
		.proto_family = ADDR_V4,
		.request_id = ++request_id,
	};
	uint8_t room[64], pkt[NHRP_PACKET_BYTES];
	struct writer w = wr_over(room, sizeof(room));
	char hub[32];

	snprintf(hub, sizeof(hub), "10.0.%u.1", cloud);
	addr_parse(who->nbma, &m.src_nbma);
	addr_parse(overlay, &m.src_proto);
	addr_parse(hub, &m.dst_proto);
	nhrp_cie_write(&w, &cie);
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	nhrp_ext_set(&m, NHRP_EXT_RESPONDER, (struct nhrp_slice){ none, 0 });
	int len = nhrp_msg_write(&m, pkt, sizeof(pkt));

	if (len < 0)
		abort();
	msg.cookie = peer != 0 ? rig.dp.peer[peer].spec.cookie : 0;
	msg.remote = m.src_nbma;
	msg.remote_port = who->port;
	addr_parse("192.0.2.1", &msg.local);
	msg.data = pkt;
	msg.bytes = (uint32_t)len;
	spokes_message(rig.s, &msg, rig.now_ms);
}

uint32_t
rig_bound(uint16_t cloud, const char *overlay)
{
	const struct rig_nbma *n;
	struct addr a;

	addr_parse(overlay, &a);
	n = nbma_find(&rig.dp, cloud, &a);
	return n == NULL ? 0 : n->peer;
}

/* ---- life --------------------------------------------------------------------------------------
 */

void
rig_run(uint64_t ms)
{
	for (uint64_t end = rig.now_ms + ms; rig.now_ms < end;) {
		rig.now_ms += 100;
		spokes_tick(rig.s, rig.now_ms);
		nhrp_tick(rig.nhrp, rig.now_ms);
	}
}

static struct spoke_info rows[32];
static unsigned rows_count;

static void
row(void *arg, const struct spoke_info *i)
{
	(void)arg;
	rows[rows_count++] = *i;
}

unsigned
rig_rows(void)
{
	rows_count = 0;
	spokes_each(rig.s, rig.now_ms, row, NULL);
	return rows_count;
}

const struct spoke_info *
rig_shown(const char *cloud)
{
	const struct spoke_info *found = NULL;

	rig_rows();
	for (unsigned i = 0; i < rows_count; i++) {
		if (strcmp(rows[i].cloud, cloud) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = &rows[i];
	}
	return found;
}

void
rig_cloud(uint16_t id, uint32_t key, const char *profile)
{
	struct config_cloud c = {
		.addresses_count = 1,
		.has_key = key != 0,
		.key = key,
		.mtu = 1400,
		.protected_ = profile != NULL,
		.df = rig.df,
		.nhrp = { .network_id = id,
			.holdtime_s = 600,
			.holdtime_min_s = 10,
			.holdtime_max_s = 65535,
			.redirect = true,
			.max_prefix_bits_v4 = 32,
			.max_prefix_bits_v6 = 128 },
	};
	struct nhrp_cloud_conf conf = { .addresses_count = 1, .mtu = 1400, .nhrp = &c.nhrp };
	char text[32];

	snprintf(c.name, sizeof(c.name), "cloud%u", id);
	snprintf(c.protection, sizeof(c.protection), "%s", profile != NULL ? profile : "none");
	snprintf(text, sizeof(text), "10.0.%u.1", id);
	addr_parse(text, &c.addresses[0].addr);
	c.addresses[0].bits = 24;
	addr_parse("192.0.2.1", &c.source);
	conf.addresses[0] = c.addresses[0];
	conf.nbma = c.source;
	if (nhrp_cloud_set(rig.nhrp, id, &conf) != 0)
		abort();
	spokes_cloud_set(rig.s, id, &c, 0, 0, rig.now_ms);
}

void
rig_begin(void)
{
	rig = (struct spoke_rig){ .now_ms = 1000, .next_id = 20, .uplink = 1 };
	rig.dp.next_spi = 500;
	rig.s = spokes_new(&rig.dp, RIG_PEERS - 1);
	rig.nhrp = nhrp_new(&spoke_nhrp_ops, rig.s);
	spokes_bind(rig.s, NULL, rig.nhrp, NULL);
	spokes_tick(rig.s, rig.now_ms);
}

void
rig_end(void)
{
	nhrp_free(rig.nhrp);
	spokes_free(rig.s);
}
