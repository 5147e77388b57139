/* SPDX-License-Identifier: BSD-3-Clause */
/* show ike and clear ike, asked as navectl asks, of a hub with a spoke that is up or failed. */
#include <jansson.h>

#include "control/mgmt/commands.h"
#include "control/reload.h"
#include "dataplane/dp_priv.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */
static json_t *answer;

/** Not asked for here; the true one would bring the ports along. */
const char *
reload_change_print(const struct config_change *c, char *buf, size_t bytes)
{
	snprintf(buf, bytes, "%s", c->path);
	return buf;
}

/** {"command": [...]} of up to three words. */
static void
ask(const char *a, const char *b, const char *c)
{
	static struct dp no_sas; /* workers that have none of the SAs the engine speaks of */
	struct mgmt_view v = { .ike = n.hub.ike, .dp = &no_sas };
	json_t *request = json_pack("{s:[s, s]}", "command", a, b);
	struct mgmt_answer begun;

	if (c != NULL)
		json_array_append_new(json_object_get(request, "command"), json_string(c));
	json_decref(answer);
	mgmt_begin(&v, request, n.now_ms, &begun);
	answer = mgmt_finish(&begun);
	json_decref(request);
}

static json_t *
data(const char *key)
{
	return json_object_get(json_object_get(answer, "data"), key);
}

static const char *
error(void)
{
	const char *text = json_string_value(json_object_get(answer, "error"));

	return text != NULL ? text : "";
}

static void
begin(const char *psk)
{
	net_begin(&n);
	n.spoke.profile.local_identity = net_fqdn("branch7.example");
	n.hub.profile.esp_lifetime_s = 4000;
	n.hub.profile.ike_lifetime_s = 90000;
	net_bind(&n.hub, "vans");
	if (psk != NULL) {
		secret_wipe(&n.spoke.psks[0].key);
		n.spoke.psks[0] = net_psk(psk);
	}
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 5000);
}

static void
all_sessions_as_a_table(void)
{
	begin(NULL);
	ask("show", "ike", NULL);
	CHECK_EQ(json_array_size(json_object_get(answer, "data")), 1);
	CHECK(json_array_size(json_object_get(answer, "columns")) > 5);
	ask("sh", "ik", NULL); /* any unambiguous beginning */
	CHECK_EQ(json_array_size(json_object_get(answer, "data")), 1);
	net_end(&n);
}

static void
one_peer_with_all_facts(void)
{
	static const char *const names[] = { "branch7.example", "192.0.2.99" };
	json_t *child;

	begin(NULL);
	n.cut = true;
	ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
	net_run(&n, 4000); /* sent three times, no answer */
	for (unsigned i = 0; i < 2; i++) {
		ask("show", "ike", names[i]);
		CHECK_STR(error(), "");
		CHECK_STR(json_string_value(data("identity")), "branch7.example");
		CHECK_STR(json_string_value(data("state")), "up");
		CHECK_STR(json_string_value(data("suite")), "aes128-sha256-prfsha256-curve25519");
		CHECK_STR(json_string_value(data("role")), "responder");
		CHECK_STR(json_string_value(data("profile")), "dmvpn");
		CHECK_STR(json_string_value(data("ipsec_profile")), "vans");
		CHECK(json_integer_value(data("rekey_in_s")) > 80000);
		CHECK_EQ(json_integer_value(data("retransmissions")), 2);
		CHECK_EQ(json_integer_value(data("open_request_sends")), 3);
		CHECK_EQ(json_integer_value(data("next_recv_id")), 2);
		CHECK(json_is_integer(data("rtt_ms")));
		CHECK(json_is_null(data("last_reason")));
		CHECK(json_integer_value(data("expires_in_s")) >
			json_integer_value(data("rekey_in_s")) + 5000);
		CHECK_EQ(json_integer_value(data("session_age_s")), 8);
		CHECK_STR(json_string_value(data("begun_by")), "peer");
		CHECK_STR(json_string_value(data("local")), "192.0.2.1");
		CHECK_EQ(json_integer_value(data("local_port")), 500);
		CHECK_EQ(json_integer_value(data("window")), 1);
		CHECK(json_is_false(data("cookie")) && json_is_null(data("vendor_ids")));
		CHECK_EQ(json_array_size(data("last_errors")), 0);
		CHECK_EQ(json_array_size(data("children")), 2);
		child = json_array_get(data("children"), 0);
		if (strcmp(json_string_value(json_object_get(child, "state")), "new") == 0)
			child = json_array_get(data("children"), 1);
		CHECK_STR(json_string_value(json_object_get(child, "state")), "rekeying");
		CHECK_STR(json_string_value(json_object_get(child, "suite")), "aes128gcm16-esn");
		CHECK_STR(json_string_value(json_object_get(child, "mode")), "transport");
		CHECK_STR(json_string_value(json_object_get(child, "begun_by")), "peer");
		CHECK(json_is_true(json_object_get(child, "esn")));
		CHECK(json_is_null(json_object_get(child, "tx_bytes"))); /* not of the workers */
		CHECK(json_integer_value(json_object_get(child, "expires_in_s")) > 3000);
	}
	ask("show", "ike", "branch8.example");
	CHECK_STR(error(),
		"no IKE session of branch8.example, and no failed one: give an identity or NBMA "
		"address as in show ike");
	net_end(&n);
}

static void
a_failed_peer_says_why(void)
{
	struct ike_totals t;
	json_t *e;

	begin("not the key of the hub");
	ask("show", "ike", "branch7.example");
	CHECK_STR(error(), "");
	CHECK_EQ(json_array_size(data("sessions")) <= 1, 1);
	CHECK_EQ(json_array_size(data("last_errors")), 1);
	e = json_array_get(data("last_errors"), 0);
	CHECK_STR(json_string_value(json_object_get(e, "reason")), "psk_mismatch");
	CHECK_STR(json_string_value(json_object_get(e, "identity")), "branch7.example");
	CHECK(json_is_false(json_object_get(e, "authenticated")));
	CHECK_EQ(json_integer_value(json_object_get(e, "notify")), 24);
	CHECK_STR(json_string_value(json_object_get(e, "notify_name")), "AUTHENTICATION_FAILED");
	CHECK_EQ(json_integer_value(json_object_get(e, "times")), 1);
	CHECK(strstr(json_string_value(json_object_get(e, "remedy")), "pre-shared-key") != NULL);
	net_initiate(&n, true);
	net_run(&n, 2000);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(n.hub.events[IKE_REASON_PSK_MISMATCH], 1); /* told once, */
	CHECK_EQ(t.reasons[IKE_REASON_PSK_MISMATCH], 2);    /* counted twice */
	CHECK_EQ(t.reasons[IKE_REASON_PEER_SILENT], 0);
	net_end(&n);
}

static void
clear_ends_a_session(void)
{
	begin(NULL);
	ask("clear", "ike", NULL);
	CHECK_STR(error(), "clear ike needs PEER|group NAME");
	ask("clear", "ike", "branch8.example");
	CHECK(strstr(error(), "no IKE session of branch8.example") != NULL);
	CHECK_EQ(n.hub.downs, 0);
	ask("clear", "ike", "branch7.example");
	CHECK_STR(error(), "");
	CHECK_EQ(json_integer_value(data("cleared")), 1);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_OPERATOR);
	net_run(&n, 1000);
	CHECK_EQ(n.spoke.downs, 1); /* it was told */
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.ups, 2);
	ask("clear", "ike", "192.0.2.99");
	CHECK_EQ(n.hub.downs, 2);
	net_end(&n);
}

struct states {
	unsigned up, others, names;
};

static void
count_state(void *arg, const char *state, uint32_t count)
{
	struct states *s = arg;

	s->names++;
	*(strcmp(state, "up") == 0 ? &s->up : &s->others) += count;
}

/** Of metrics: two states of one name are one series. */
static void
states_are_counted(void)
{
	struct states s = { 0 };

	begin(NULL);
	ike_each_state(n.hub.ike, count_state, &s);
	CHECK_EQ(s.up, 1);
	CHECK_EQ(s.others, 0);
	CHECK_EQ(s.names, 13);
	net_end(&n);
}

int
main(void)
{
	TEST(states_are_counted);
	TEST(all_sessions_as_a_table);
	TEST(one_peer_with_all_facts);
	TEST(a_failed_peer_says_why);
	TEST(clear_ends_a_session);
	json_decref(answer);
	return check_done();
}
