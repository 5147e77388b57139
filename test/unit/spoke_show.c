/* SPDX-License-Identifier: BSD-3-Clause */
/** What programs are promised of `show spokes --json`, in every state a spoke can be in. */
#include <jansson.h>

#include "control/base/log.h"
#include "control/mgmt/show.h"
#include "test/lib/check.h"
#include "test/lib/spoke_rig.h"

static const struct rig_who seven = { "seven.example", "198.51.100.7", 0 };
static const struct rig_who nat = { "nat.example", "203.0.113.5", 40001 };

static const char *
name_of_cloud(void *user, uint16_t id)
{
	(void)user;
	(void)id;
	return NULL;
}

/** The rows as a program gets them: written and read again. */
static json_t *
shown(const char *which)
{
	struct mgmt_view v = { .spokes = rig.s, .cloud_name = name_of_cloud };
	struct mgmt_answer a = { 0 };
	json_t *rows;
	char *text;

	show_spokes(&v, which, rig.now_ms, &a);
	if (a.later != NULL)
		a.later(a.later_arg, &a);
	text = json_dumps(a.data, 0);
	json_decref(a.data);
	json_decref(a.columns);
	rows = json_loads(text, 0, NULL);
	free(text);
	return rows;
}

/** One key: is it there, and of one of these types ("si" = string or integer, n null, b boolean)?
 */
static void
typed(const json_t *row, const char *key, const char *types)
{
	const json_t *v = json_object_get(row, key);
	char type = json_is_string(v) ? 's'
		: json_is_integer(v)  ? 'i'
		: json_is_boolean(v)  ? 'b'
		: json_is_null(v)     ? 'n'
				      : '?';

	if (strchr(types, type) != NULL)
		return;
	printf("# %s is of type %c, not one of %s\n", key, type, types);
	check_bad = true;
}

static void
contract(const json_t *rows, size_t n)
{
	static const char *const states[] = { "down", "ike", "child", "registered", "forwarding" };
	const json_t *row;
	size_t i;

	CHECK(json_is_array(rows));
	CHECK_EQ(json_array_size(rows), n);
	json_array_foreach (rows, i, row) {
		const char *state = json_string_value(json_object_get(row, "state"));
		bool known = false;

		typed(row, "cloud", "sn");
		typed(row, "identity", "sn");
		typed(row, "claimed_identity", "sn");
		typed(row, "group", "sn");
		typed(row, "tunnel_address", "sn");
		typed(row, "nbma", "s");
		typed(row, "nat", "b");
		typed(row, "reason", "sn");
		typed(row, "detail", "s");
		typed(row, "uptime_s", "i");
		typed(row, "rx_packets", "i");
		typed(row, "tx_packets", "i");
		typed(row, "path_mtu", "in");
		typed(row, "path_mtu_s", "in");
		for (int s = 0; s < 5; s++)
			known |= state != NULL && strcmp(state, states[s]) == 0;
		CHECK(known);
	}
}

static const char *
text_of(const json_t *rows, const char *key)
{
	const char *text = json_string_value(json_object_get(json_array_get(rows, 0), key));

	return text != NULL ? text : "null";
}

static void
expect(size_t n, const char *state, const char *reason, const char *tunnel)
{
	json_t *rows = shown(NULL);

	contract(rows, n);
	CHECK_STR(text_of(rows, "state"), state);
	CHECK_STR(text_of(rows, "reason"), reason);
	CHECK_STR(text_of(rows, "tunnel_address"), tunnel);
	json_decref(rows);
}

static void
states_of_a_spoke(void)
{
	uint64_t session;
	json_t *rows;

	rig_begin();
	rig_cloud(1, 1, "branch");
	rows = shown(NULL);
	contract(rows, 0);
	json_decref(rows);
	session = rig_session(&seven, "branch");
	expect(1, "ike", "no_child_sa", "null");
	rig_child(session);
	expect(1, "child", "not_registered", "null");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig.dp.peer[1].stats = (struct dp_peer_stats){ 5000000000, 6, 7, 8 };
	expect(1, "forwarding", "null", "10.0.1.11");
	spokes_uplink_changed(rig.s, rig.dp.peer[1].spec.cookie, DP_ADJ_DROP, rig.now_ms);
	expect(1, "registered", "no_uplink", "10.0.1.11");
	rig_gone(session, IKE_REASON_PEER_SILENT);
	expect(1, "down", "peer_silent", "10.0.1.11");
	rig_end();
}

static void
values_of_a_row(void)
{
	uint64_t session;
	json_t *rows, *row;

	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_cloud(2, 2, NULL);
	session = rig_up(&nat, "branch");
	rig_register(1, 1, "10.0.1.11", &nat, 600);
	rig.dp.peer[1].stats.rx_packets = 5000000000;
	rig_run(7000);
	rows = shown("10.0.1.11");
	contract(rows, 1);
	row = json_array_get(rows, 0);
	CHECK_STR(text_of(rows, "cloud"), "cloud1");
	CHECK_STR(text_of(rows, "identity"), "nat.example");
	CHECK_STR(text_of(rows, "claimed_identity"), "null");
	CHECK_STR(text_of(rows, "nbma"), "203.0.113.5");
	CHECK(json_is_true(json_object_get(row, "nat")));
	CHECK_EQ(json_integer_value(json_object_get(row, "uptime_s")), 7);
	CHECK_EQ(json_integer_value(json_object_get(row, "rx_packets")), 5000000000);
	json_decref(rows);
	rig_child_gone(session, 22, IKE_REASON_PEER_DELETED);
	rig_run(2000);
	rows = shown("10.0.1.11");
	CHECK_STR(text_of(rows, "state"), "ike"); /* which is up since it came */
	CHECK_EQ(json_integer_value(json_object_get(json_array_get(rows, 0), "uptime_s")), 9);
	json_decref(rows);
	rig_register(2, 0, "10.0.2.11", &seven, 600); /* in clear: no identity */
	rows = shown("10.0.2.11");
	contract(rows, 1);
	CHECK_STR(text_of(rows, "identity"), "null");
	CHECK(json_is_false(json_object_get(json_array_get(rows, 0), "nat")));
	json_decref(rows);
	rig_end();
}

/** A failed authentication is a claim, never an identity. */
static void
failed_authentication(void)
{
	json_t *rows;

	rig_begin();
	rig_cloud(1, 1, "branch");
	rig.failure.count = 1;
	rig.failure.event.reason = IKE_REASON_PSK_MISMATCH;
	addr_parse("198.51.100.7", &rig.failure.event.path.remote);
	strcpy(rig.failure.event.identity, "seven.example");
	strcpy(rig.failure.event.group, "vans");
	rows = shown(NULL);
	contract(rows, 1);
	CHECK_STR(text_of(rows, "group"), "vans");
	CHECK_STR(text_of(rows, "cloud"), "null");
	CHECK_STR(text_of(rows, "identity"), "null");
	CHECK_STR(text_of(rows, "claimed_identity"), "seven.example");
	CHECK_STR(text_of(rows, "state"), "down");
	CHECK_STR(text_of(rows, "reason"), "psk_mismatch");
	json_decref(rows);
	rig_end();
}

/** A spoke that dials again and again: one line, and it says why. */
static void
one_line_per_spoke(void)
{
	uint64_t old, second;
	json_t *rows;

	rig_begin();
	rig_cloud(1, 1, "branch");
	old = rig_session(&seven, "branch");
	rig_run(1000);
	rig_session(&seven, "branch");
	expect(1, "ike", "no_child_sa", "null");
	rig.failure.count = 1;
	rig.failure.at_ms = rig.now_ms;
	rig.failure.event.authenticated = true;
	rig.failure.event.reason = IKE_REASON_ESP_NO_PROPOSAL_CHOSEN;
	strcpy(rig.failure.event.identity, "seven.example");
	strcpy(rig.failure.event.offered, "des");
	expect(1, "ike", "esp_no_proposal_chosen", "null");
	rig.failure.count = 0;

	/* It comes up by a third: those without a child are only in show ike. */
	second = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	expect(1, "forwarding", "null", "10.0.1.11");
	rig_gone(old, IKE_REASON_PEER_SILENT);
	expect(1, "forwarding", "null", "10.0.1.11");

	/* Then that one is lost: the line says how far the spoke is again. */
	rig_gone(second, IKE_REASON_PEER_SILENT);
	expect(1, "ike", "no_child_sa", "10.0.1.11");
	rows = shown(NULL);
	CHECK_STR(text_of(rows, "cloud"), "cloud1");
	CHECK_STR(text_of(rows, "nbma"), "198.51.100.7");
	json_decref(rows);

	/* Another spoke is another line. */
	rig_session(&nat, "branch");
	rows = shown(NULL);
	contract(rows, 2);
	json_decref(rows);
	rig_end();
}

/** One that ended is one line: the link's, with what the failure says. */
static void
lost_spoke_is_one_line(void)
{
	uint64_t session;
	json_t *rows;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_run(1000);
	rig.failure.count = 1;
	rig.failure.at_ms = rig.now_ms;
	rig.failure.event.authenticated = true;
	rig.failure.event.reason = IKE_REASON_PEER_DELETED;
	addr_parse("198.51.100.7", &rig.failure.event.path.remote);
	strcpy(rig.failure.event.identity, "seven.example");
	expect(1, "forwarding", "null", "10.0.1.11");
	rig_gone(session, IKE_REASON_PEER_DELETED);
	expect(1, "down", "peer_deleted", "10.0.1.11");
	rows = shown(NULL); /* nothing to add to that */
	CHECK(strstr(text_of(rows, "detail"), "registration is kept") != NULL);
	json_decref(rows);
	rig.failure.event.reason = IKE_REASON_CERT_EXPIRED;
	strcpy(rig.failure.event.remedy, "renew it");
	expect(1, "down", "cert_expired", "10.0.1.11");
	rows = shown(NULL);
	CHECK_STR(text_of(rows, "detail"), "renew it");
	json_decref(rows);
	rig.failure.event.authenticated = false; /* somebody says so: another line */
	rows = shown(NULL);
	contract(rows, 2);
	json_decref(rows);
	rig_end();
}

/** The operator's name for its kind: also while it has no link, and while it is down. */
static void
group_of_a_spoke(void)
{
	struct ike_session info;
	uint64_t session;
	json_t *rows;

	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_up(&nat, "branch");
	session = rig_session(&seven, "branch");
	for (int i = 0; i < 16; i++)
		if (rig.session[i].id == session)
			info = rig.session[i].info;
	strcpy(info.binding.group, "vans");
	CHECK(spoke_ike_ops.binding_changed(rig.s, &info));
	rows = shown("group vans");
	contract(rows, 1);
	CHECK_STR(text_of(rows, "group"), "vans");
	CHECK_STR(text_of(rows, "state"), "ike");
	json_decref(rows);
	CHECK_EQ(spokes_clear(rig.s, "group cars", rig.now_ms), 0);
	CHECK_EQ(spokes_clear(rig.s, "group vans", rig.now_ms), 1);
	session = rig_up(&seven, "branch");
	info.session = session;
	CHECK(spoke_ike_ops.binding_changed(rig.s, &info));
	rig_register(1, 2, "10.0.1.11", &seven, 600);
	CHECK_EQ(spokes_rekey(rig.s, "group vans", rig.now_ms), 1);
	rig_gone(session, IKE_REASON_PEER_SILENT);
	rows = shown("group vans");
	contract(rows, 1);
	CHECK_STR(text_of(rows, "identity"), "seven.example");
	CHECK_STR(text_of(rows, "state"), "down");
	json_decref(rows);
	CHECK_EQ(spokes_clear(rig.s, "group vans", rig.now_ms), 1);
	CHECK_EQ(rig_rows(), 1);
	rig_end();
}

/* ---- events --------------------------------------------------------------------------------- */

static struct ike_event
event_of(const char *identity, bool authenticated)
{
	struct ike_event e = { .reason = IKE_REASON_PSK_MISMATCH,
		.authenticated = authenticated,
		.notify = 24,
		.path = { .remote_port = 4500, .local_port = 4500 } };

	addr_parse("198.51.100.7", &e.path.remote);
	addr_parse("192.0.2.1", &e.path.local);
	snprintf(e.identity, sizeof(e.identity), "%s", identity);
	return e;
}

static bool
first_line(void *arg, const struct spoke_event *k)
{
	spoke_event_line(k, arg, 2048);
	return false;
}

/** Programs read the keys, people the beginning; a name is neither's end. */
static void
event_is_one_line(void)
{
	struct ike_event e = event_of("evil\" reason=ok\nike", false);
	char line[2048] = "";

	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_cloud(2, 2, "branch");
	strcpy(e.group, "vans");
	strcpy(e.offered, "aes128-sha1");
	strcpy(e.wanted, "aes256");
	strcpy(e.remedy, "compare \"the keys\"");
	e.suppressed = 3;
	spoke_ike_ops.event(rig.s, &e);
	spokes_events_each(rig.s, first_line, line);
	CHECK_STR(line,
		"ike 198.51.100.7 claims identity \"evil\\\" reason=ok\\x0aike\": psk_mismatch "
		"reason=psk_mismatch identity=\"evil\\\" reason=ok\\x0aike\" proven=no "
		"group=vans peer=198.51.100.7:4500 local=192.0.2.1:4500 cloud=cloud1,cloud2 "
		"notify=AUTHENTICATION_FAILED offered=aes128-sha1 would_match=aes256 "
		"hint=\"compare \\\"the keys\\\"\" repeated=3");
	rig_end();
}

struct counted {
	unsigned n, proven;
	uint64_t last_ms;
	bool sorted;
};

static bool
count_event(void *arg, const struct spoke_event *k)
{
	struct counted *c = arg;

	c->sorted &= c->n == 0 || k->at_ms <= c->last_ms;
	c->last_ms = k->at_ms;
	c->proven += k->ike.authenticated;
	return ++c->n < 100000;
}

/** Whoever proved nothing pushes out only his like, and not without bound. */
static void
forgers_push_out_no_proven_events(void)
{
	struct ike_event proven = event_of("seven.example", true), forged = event_of("x", false);
	struct counted c = { .sorted = true };

	log_level_set(LOG_ERR);
	rig_begin();
	for (unsigned i = 0; i < 5; i++) {
		spoke_ike_ops.event(rig.s, &proven);
		rig_run(10);
	}
	for (unsigned i = 0; i < 2 * SPOKE_EVENTS_KEPT; i++) {
		spoke_ike_ops.event(rig.s, &forged);
		rig_run(10);
	}
	spokes_events_each(rig.s, count_event, &c);
	CHECK_EQ(c.proven, 5);
	CHECK_EQ(c.n, 5 + SPOKE_EVENTS_KEPT);
	CHECK(c.sorted);
	rig_end();
	log_level_set(LOG_INFO);
}

int
main(void)
{
	TEST(group_of_a_spoke);
	TEST(states_of_a_spoke);
	TEST(values_of_a_row);
	TEST(failed_authentication);
	TEST(one_line_per_spoke);
	TEST(lost_spoke_is_one_line);
	TEST(event_is_one_line);
	TEST(forgers_push_out_no_proven_events);
	return check_done();
}
