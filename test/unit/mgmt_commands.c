/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests and what comes back: words, errors with their remedy, the shape of each answer. */
#include "control/base/loop.h"
#include "control/ike/ike.h"
#include "control/nhrp/nhrp.h"
#include "control/spoke/pmtu.h"
#include "dataplane/dp.h"
#include "test/lib/check.h"
#include "test/lib/fake_view.h"

#define NOW_MS 61000

static struct fake_view *f;

static json_t *
execute(const char *words)
{
	char copy[256], *save, *word;
	json_t *list = json_array(), *request, *reply;
	struct mgmt_answer a;

	snprintf(copy, sizeof(copy), "%s", words);
	for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		json_array_append_new(list, json_string(word));
	request = json_pack("{s:o}", "command", list);
	mgmt_begin(&f->view, request, NOW_MS, &a);
	json_decref(request); /* what is left to do knows nothing of it */
	reply = mgmt_finish(&a);
	CHECK(a.stream == NULL && a.later == NULL);
	return reply;
}

/** The error of a request, "" when there is none. */
static const char *
error_of(const char *words)
{
	static char text[400];
	json_t *reply = execute(words);
	const char *error = json_string_value(json_object_get(reply, "error"));

	CHECK((error != NULL) == (json_object_get(reply, "data") == NULL));
	snprintf(text, sizeof(text), "%s", error != NULL ? error : "");
	json_decref(reply);
	return text;
}

/** Where it says it goes: the fake adds to the first octet how it was told to go. */
static const char *
initiated(const char *words)
{
	static char text[ADDR_TEXT_BYTES];
	json_t *reply = execute(words);
	const char *to =
		json_string_value(json_object_get(json_object_get(reply, "data"), "initiating"));

	snprintf(text, sizeof(text), "%s", to != NULL ? to : "");
	json_decref(reply);
	return text;
}

/** Is it the same answer as that of another request? */
static bool
same(const char *a, const char *b)
{
	json_t *x = execute(a), *y = execute(b);
	bool equal = json_equal(x, y) && json_object_get(x, "error") == NULL;

	json_decref(x);
	json_decref(y);
	return equal;
}

static void
words_may_be_cut_short(void)
{
	CHECK(same("show spokes", "sh sp"));
	CHECK(same("show routes", "s r"));
	CHECK(same("help", "h"));
	CHECK(same("show counters all", "show c all") == false); /* counters or config */
	CHECK_STR(error_of("show c all"), "ambiguous: show counters or show config");
	CHECK_STR(error_of("show spokess"),
		"show what? One of: spokes ike events nhrp counters workers "
		"ports routes config crls status");
	CHECK_STR(error_of("show"), error_of("show nothing"));
	CHECK_STR(error_of("clear"), "clear what? One of: spoke ike");
	CHECK_STR(error_of("shows"), "unknown command shows: try navectl help");
	CHECK_STR(error_of("show workers 7"), "show workers takes no argument");
	CHECK_STR(error_of("show spokes a b"), "show spokes takes one argument");
	CHECK_STR(
		error_of("show spokes 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 "
			 "24 25 26 27 28 29 30 31"),
		"a request is {\"command\": [\"show\", \"spokes\"]}, at most 32 words");
	CHECK_STR(error_of("capture count"), "count needs a value");
}

static void
errors_say_what_would_be_right(void)
{
	CHECK_STR(error_of("show spokes 10.9.9.9"),
		"no spoke 10.9.9.9: give a tunnel or NBMA address, an identity, group NAME, or a "
		"state (down, ike, child, registered, forwarding)");
	CHECK(strstr(error_of("show spokes Branch12"), "; is it branch12.example.org?") != NULL);
	CHECK(strstr(error_of("show ike Branch12"), "; is it branch12.example.org?") != NULL);
	CHECK_STR(error_of("help nothing"), "no command has nothing in it: try navectl help");
	CHECK_STR(error_of("help show"), "");
	CHECK_STR(error_of("show ike nobody"),
		"no IKE session of nobody, and no failed one: give an identity or NBMA address as "
		"in show ike");
	CHECK_STR(error_of("clear ike nobody"),
		"no IKE session of nobody: name it by identity, outer address or group as in show "
		"ike");
	CHECK_STR(error_of("show nhrp nowhere"), "no cloud nowhere: see clouds in show config");
	CHECK_STR(
		error_of("show counters some"), "show counters takes nothing, all, or spoke WHICH");
	CHECK_STR(error_of("show routes blue"),
		"no vrf blue: give an address (which route it takes), a prefix (the routes within) "
		"or a vrf of the configuration (main: those without one)");
	CHECK_STR(error_of("clear spoke"), "clear spoke needs WHICH|group NAME");
	CHECK_STR(error_of("clear spoke nobody"),
		"no spoke nobody: name it by tunnel address, NBMA address, identity or group as in "
		"show spokes");
	CHECK_STR(error_of("initiate spoke"), "initiate spoke needs [psk] [tunnel] WHICH");
	CHECK_STR(error_of("initiate spoke quickly 198.51.100.68"),
		"initiate spoke takes psk, tunnel, both or none, and WHICH");
	CHECK_STR(error_of("initiate spoke nobody"),
		"no spoke nobody is known any more: give its outer address");
	CHECK_STR(error_of("initiate spoke branch7"),
		"branch7 has an IKE session: rekey spoke makes new keys, clear spoke ends it");
	CHECK_STR(initiated("initiate spoke 198.51.100.68"), "198.51.100.68");
	CHECK_STR(initiated("initiate spoke psk 198.51.100.68"), "199.51.100.68");
	CHECK_STR(initiated("initiate spoke tunnel 198.51.100.68"), "200.51.100.68");
	CHECK_STR(initiated("initiate spoke tunnel psk 198.51.100.68"), "201.51.100.68");
	CHECK(strstr(error_of("initiate spoke 198.51.100.66"), "its name will do") != NULL);
	CHECK(strstr(error_of("initiate spoke 198.51.100.67"), "no more now") != NULL);
	CHECK_STR(error_of("reload now"), "reload takes --dry-run or nothing");
	CHECK_STR(error_of("clear spoke branch7"), "");
	CHECK_STR(f->cleared, "branch7");
}

static void
odd_requests_are_refused(void)
{
	static const char *const texts[] = { "{}", "{\"command\": []}", "{\"command\": 7}",
		"{\"command\": [7]}", "{\"command\": \"show spokes\"}", "{\"command\": [null]}",
		"{\"command\": [\"show\", {}]}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *request = json_loads(texts[i], 0, NULL);
		struct mgmt_answer a;
		json_t *reply;

		mgmt_begin(&f->view, request, NOW_MS, &a);
		reply = mgmt_finish(&a);

		CHECK(json_is_string(json_object_get(reply, "error")));
		CHECK(json_object_get(reply, "data") == NULL);
		json_decref(request);
		json_decref(reply);
	}
	CHECK_STR(error_of("  "), error_of(""));
}

/* ---- shapes ----------------------------------------------------------------------------- */

static char
letter(const json_t *v)
{
	static const char letters[] =
		"oasirbbn"; /* object array string integer real true false null */

	return v == NULL ? '!' : letters[json_typeof(v)];
}

/** Do the columns name keys that the rows have? */
static void
columns_fit(const json_t *reply)
{
	const json_t *data = json_object_get(reply, "data"), *row, *column;
	const char *rows = json_string_value(json_object_get(reply, "rows"));
	size_t i;

	row = json_array_get(rows != NULL ? json_object_get(data, rows) : data, 0);
	json_array_foreach (json_object_get(reply, "columns"), i, column) {
		const char *key = json_string_value(json_object_get(column, "key"));

		if (json_object_get(row, key) == NULL)
			printf("# no key %s\n", key);
		CHECK(json_object_get(row, key) != NULL);
		CHECK(json_is_string(json_object_get(column, "title")));
	}
}

/** Each "key:letter" of shape is in the object with that type. */
static void
has_shape(const char *what, const json_t *object, const char *shape)
{
	char copy[1024], *save, *word;

	snprintf(copy, sizeof(copy), "%s", shape);
	for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		char *type = strchr(word, ':');

		*type++ = '\0';
		if (strchr(type, letter(json_object_get(object, word))) == NULL) {
			printf("# %s: %s is %c, not %s\n", what, word,
				letter(json_object_get(object, word)), type);
			check_bad = true;
		}
	}
}

static void
rows_have_shape(const char *words, size_t rows, const char *shape)
{
	json_t *reply = execute(words), *row;
	size_t i;

	CHECK_EQ(json_array_size(json_object_get(reply, "data")), rows);
	columns_fit(reply);
	json_array_foreach (json_object_get(reply, "data"), i, row)
		has_shape(words, row, shape);
	json_decref(reply);
}

static void
object_has_shape(const char *words, const char *shape)
{
	json_t *reply = execute(words);

	CHECK(json_is_object(json_object_get(reply, "data")));
	has_shape(words, json_object_get(reply, "data"), shape);
	json_decref(reply);
}

/** Programs read these keys: a change here breaks them. */
static void
answers_keep_their_shape(void)
{
	rig_add(f->rib, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(f->rib, "10.9.0.0/16 via 10.0.0.12 dev 101 proto bgp");
	rows_have_shape("show spokes", 3,
		"cloud:sn identity:sn claimed_identity:sn tunnel_address:sn nbma:s nbma_claimed:sn "
		"port:i nat:b state:s reason:sn detail:s uptime_s:i rx_packets:i tx_packets:i "
		"rx_bytes:i tx_bytes:i spi_in:sn spi_out:sn path_mtu:in path_mtu_s:in");
	object_has_shape("initiate spoke 198.51.100.68", "initiating:s from:s");
	rows_have_shape("show ike", 2,
		"identity:sn local_identity:sn nbma:s port:i state:s role:s profile:s "
		"ipsec_profile:s suite:s "
		"nat_remote:b nat_local:b spi_i:s spi_r:s age_s:i rekey_in_s:in idle_s:i rtt_ms:in "
		"next_send_id:i next_recv_id:i retransmissions:i rekeys:i auth:s children:a "
		"begun_by:s session_age_s:in expires_in_s:in local:sn local_port:i vendor_ids:sn "
		"window:i cookie:b");
	rows_have_shape("show nhrp", 1,
		"cloud:s protocol:s nbma:s nbma_claimed:sn port:i up:b unique:b nat:b hold_s:i "
		"expires_in_s:i requests:i identity:sn");
	rows_have_shape("show counters", 10, "counter:s packets:i meaning:s");
	rows_have_shape("show counters all",
		dp_verdict_count() + NHRP_TYPES * NHRP_OUTCOMES + 16 + PMTU_OUTCOMES + 2,
		"counter:s packets:i meaning:s");
	rows_have_shape("show workers", 2,
		"worker:i core:i load_percent:r idle_percent:r rx_per_s:i tx_per_s:i rx_packets:i "
		"tx_packets:i "
		"handovers:i cycles_per_packet:r rounds:i sleeps:i max_round_us:r burst_fill:r "
		"slow_rounds:i rounds_by_us:o stage_cycles:o");
	rows_have_shape("show ports", 2,
		"port:s role:s link:s mac:s rx_packets:i tx_packets:i rx_bytes:i tx_bytes:i "
		"rx_missed:i rx_errors:i tx_errors:i tx_full:i");
	rows_have_shape("show routes", 2,
		"vrf:s table:i prefix:s via:sn gateway:sn device:sn type:s source:s metric:in "
		"state:s active:b next_hops:a");
	rows_have_shape("show events", 50,
		"at:s ago_s:i reason:s trouble:b identity:sn claimed_identity:sn nbma:s port:i "
		"local:sn local_port:i cloud:sn notify:sn detail:sn offered:sn would_match:sn "
		"remedy:sn repeated:i left_out:i session:i");
	rows_have_shape("help", 21, "command:s what:s");
	object_has_shape(
		"show config", "file:s system:o ports:a clouds:a ike:a secrets:a management:o");
	object_has_shape("show status",
		"version:s config:s uptime_s:i spokes:o ike:o crypto_jobs:on tables:o "
		"packet_buffers:o");
	object_has_shape("reload", "applied:b dry_run:b file:s changes:a warnings:a");
	object_has_shape("show ike branch12.example.org", "identity:s state:s children:a");
	object_has_shape("show ike 203.0.113.9", "sessions:a last_errors:a");
	object_has_shape("clear spoke branch7", "cleared:i");
	object_has_shape("clear ike 198.51.100.2", "cleared:i");
}

/** Is there a column whose key (or title) is this in the table a person gets? */
static bool
column_shown(const char *command, const char *what, const char *text)
{
	json_t *reply = execute(command), *column;
	bool shown = false;
	size_t i;

	json_array_foreach (json_object_get(reply, "columns"), i, column)
		shown |= strcmp(json_string_value(json_object_get(column, what)), text) == 0;
	json_decref(reply);
	return shown;
}

/** One of a row of show events, by its place. */
static const char *
event_field(const char *words, size_t row, const char *key)
{
	static char text[128];
	json_t *reply = execute(words);
	const json_t *v = json_object_get(json_array_get(json_object_get(reply, "data"), row), key);

	if (json_is_integer(v))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else
		snprintf(text, sizeof(text), "%s",
			json_is_string(v) ? json_string_value(v) : "(none)");
	json_decref(reply);
	return text;
}

/** As in a log the newest is the last; a claim is no identity. */
static void
events_of_late(void)
{
	CHECK_STR(event_field("show events 3", 3, "reason"), "(none)");
	CHECK_STR(event_field("show events 3", 2, "claimed_identity"), "mallory");
	CHECK_STR(event_field("show events 3", 2, "identity"), "(none)");
	CHECK_STR(event_field("show events 3", 2, "notify"), "AUTHENTICATION_FAILED");
	CHECK_STR(event_field("show events 3", 2, "ago_s"), "10");
	CHECK_STR(event_field("show events 3", 2, "at"), "2027-01-15 08:00:00 UTC");
	CHECK_STR(event_field("show events 3", 2, "repeated"), "3");
	CHECK_STR(event_field("show events 3", 1, "identity"), "branch12.example.org");
	CHECK_STR(event_field("show events 3", 1, "ago_s"), "30");
	CHECK_STR(event_field("show events 203.0.113.9", 0, "claimed_identity"), "mallory");
	CHECK_STR(event_field("show events 203.0.113.9", 1, "reason"), "(none)");
	CHECK_STR(event_field("show events branch12.example.org", 49, "ago_s"), "30");
	CHECK_STR(event_field("show events nobody", 0, "reason"), "(none)");
	CHECK_STR(error_of("show events nobody"), "");
	CHECK_STR(error_of("show events 0"),
		"show events takes how many (1 to 1000), or a peer: identity, outer address, or "
		"group NAME");
	CHECK_STR(event_field("show events group vans", 0, "claimed_identity"), "mallory");
	CHECK_STR(event_field("show events group vans", 0, "group"), "vans");
	CHECK_STR(event_field("show events group vans", 1, "reason"), "(none)");
	CHECK_STR(event_field("show events 3", 1, "group"), "(none)");
	CHECK_STR(error_of("show events 99999999999999999999"), error_of("show events 0"));
}

/** Nearly nobody has one: the table is wide enough without it. */
static void
path_mtu_is_shown_where_known(void)
{
	CHECK(column_shown("show spokes", "key", "path_mtu"));
	CHECK(column_shown("show spokes 10.0.0.7", "key", "path_mtu_s"));
	CHECK(!column_shown("show spokes branch12.example.org", "key", "path_mtu"));
	CHECK(!column_shown("show spokes branch12.example.org", "key", "path_mtu_s"));
	CHECK(column_shown("show spokes branch12.example.org", "key", "tx_packets"));
	CHECK(column_shown("show spokes branch12.example.org", "key", "reason"));
}

static void
spokes_are_sorted_and_counted(void)
{
	static const char *const want[] = { "203.0.113.9", "10.0.0.7", "10.0.0.12" };
	json_t *reply = execute("show spokes"), *row;
	size_t i;

	json_array_foreach (json_object_get(reply, "data"), i, row) {
		const char *tunnel = json_string_value(json_object_get(row, "tunnel_address"));

		CHECK_STR(tunnel != NULL ? tunnel : json_string_value(json_object_get(row, "nbma")),
			want[i]);
	}
	CHECK_STR(json_string_value(json_object_get(reply, "message")),
		"3 spokes: 1 forwarding, 1 registered, 1 down");
	json_decref(reply);
	rows_have_shape("show spokes down", 1, "reason:s claimed_identity:s");
	reply = execute("show spokes child");
	CHECK(json_object_get(reply, "error") == NULL);
	CHECK_EQ(json_array_size(json_object_get(reply, "data")), 0);
	CHECK(json_is_array(json_object_get(reply, "data")));
	CHECK_STR(json_string_value(json_object_get(reply, "message")), "0 spokes");
	json_decref(reply);
	rows_have_shape("show spokes 10.0.0.7", 1, "identity:s");
	rows_have_shape("show spokes 198.51.100.2", 2, "identity:s");
	rows_have_shape("show spokes branch12.example.org", 1, "identity:s");
}

/** By the name that key or certificate map gave them; a column only where there is one. */
static void
spokes_of_a_group(void)
{
	char name[40];

	rows_have_shape("show spokes group vans", 1, "identity:s group:s");
	rows_have_shape("show spokes branch7", 1, "identity:s group:n");
	rows_have_shape("show ike group vans", 1, "identity:s group:s map:s");
	CHECK(column_shown("show spokes", "title", "GROUP"));
	CHECK(!column_shown("show spokes branch7", "title", "GROUP"));
	CHECK(!column_shown("show spokes branch7", "key", "path_mtu_s") ==
		!column_shown("show spokes branch7", "key", "path_mtu"));
	CHECK(column_shown("show ike", "title", "GROUP"));
	CHECK_STR(error_of("show spokes group cars"),
		"no spoke group cars: give a tunnel or NBMA address, an identity, group NAME, or a "
		"state (down, ike, child, registered, forwarding)");
	CHECK_STR(error_of("show ike group cars"), "no IKE session of group cars: see show ike");
	error_of("clear spoke group vans");
	CHECK_STR(f->cleared, "group vans");
	CHECK_STR(error_of("show spokes group a b"), "show spokes takes one argument");
	CHECK_STR(error_of("show nhrp group vans"), "show nhrp takes one argument");
	snprintf(name, sizeof(name), "show spokes %s", "group");
	CHECK(strncmp(error_of(name), "no spoke group: ", 16) == 0);
}

/** A name is bytes of a peer: it may be no UTF-8, and has its line all the same. */
static void
odd_names_have_their_line(void)
{
	f->odd_name = true;
	rows_have_shape("show spokes", 3, "nbma:s identity:sn");
	rows_have_shape("show spokes 10.0.0.7", 1, "identity:s");
	f->odd_name = false;
}

/** All at once, in order, and no more than some megabytes. */
static void
ten_thousand_spokes(void)
{
	const char *last = "";
	json_t *reply, *row;
	uint64_t begun_ms = clock_ms();
	size_t i;
	char *text;

	f->more = 9997;
	reply = execute("show spokes");
	text = json_dumps(reply, JSON_COMPACT);
	printf("# %zu octets after %u ms\n", strlen(text), (unsigned)(clock_ms() - begun_ms));
	CHECK_EQ(json_array_size(json_object_get(reply, "data")), 10000);
	CHECK(strlen(text) < 10000 * 600);
	json_array_foreach (json_object_get(reply, "data"), i, row) {
		const char *name = json_string_value(json_object_get(row, "identity"));

		CHECK(i < 4 || strlen(last) < strlen(name) || strcmp(last, name) < 0);
		last = name;
	}
	free(text);
	json_decref(reply);
	rows_have_shape("show spokes 10.1.2.3", 1, "identity:s");
	f->more = 0;
}

static void
secrets_are_not_shown(void)
{
	json_t *reply = execute("show config");
	char *text = json_dumps(reply, 0);

	CHECK(strstr(text, "do not show me") == NULL && strstr(text, "nor me") == NULL);
	CHECK(strstr(text, "646f206e6f74") == NULL); /* nor in hexadecimal */
	CHECK(strstr(text, "\"key\": \"file:/etc/nave/branches.psk\"") != NULL);
	CHECK(strstr(text, "\"authentication\": \"set\"") != NULL);
	/* but what they allow */
	CHECK(strstr(text,
		      "\"group\": \"vans\", \"cloud\": \"dmvpn\", \"profile\": \"vans\", "
		      "\"overlay\": [\"10.0.0.128/25\"]}") != NULL);
	CHECK(strstr(text,
		      "\"maps\": [{\"name\": \"some\", \"match\": [\"O = Example\", \"OU != "
		      "Partners\"], "
		      "\"group\": \"vans\", \"profile\": \"vans\"}]") != NULL);
	free(text);
	json_decref(reply);
}

static const char *
route_field(const char *words, const char *key)
{
	static char text[128];
	json_t *reply = execute(words);
	const json_t *row = json_array_get(json_object_get(reply, "data"), 0);
	const char *value = json_string_value(json_object_get(row, key));

	snprintf(text, sizeof(text), "%s", value != NULL ? value : "(null)");
	json_decref(reply);
	return text;
}

static void
routes_say_where_from_and_whether_they_work(void)
{
	struct prefix p;

	rig_add(f->rib, "10.7.0.0/16 via 172.16.0.9 dev 2 via 10.0.0.12 dev 101");
	rig_bind(f->rib, 0, 1, "10.0.0.13/32", "10.0.0.13");
	rig_neigh(f->rib, 2, "172.16.0.9", 9);
	rib_settle(f->rib->rib);
	CHECK_STR(route_field("show routes 10.9.1.1", "source"), "bgp");
	CHECK_STR(route_field("show routes 10.9.1.1", "state"), "active");
	CHECK_STR(route_field("show routes 10.9.1.1", "device"), "dmvpn");
	CHECK_STR(route_field("show routes 10.7.1.1", "via"), "172.16.0.9 (+1)");
	CHECK_STR(route_field("show routes 10.7.1.1", "device"), "lan0");
	CHECK_STR(route_field("show routes 10.0.0.13", "source"), "nhrp");
	CHECK_STR(route_field("show routes 172.16.0.9", "source"), "neighbour");
	CHECK_STR(route_field("show routes 172.16.0.10", "source"), "connected");
	prefix_parse("10.9.0.0/16", &p); /* the workers hold something else */
	dp_fib_set(f->rib->dp, 0, &p, DP_ADJ_DROP);
	CHECK_STR(route_field("show routes 10.9.1.1", "state"), "missing");
	rib_link(f->rib->rib, 2, false);
	rib_settle(f->rib->rib);
	CHECK_STR(route_field("show routes 172.16.0.0/24", "state"), "down");
	CHECK_STR(error_of("show routes main"), "");
}

static void
routes_say_what_their_next_hop_is_behind(void)
{
	CHECK(!column_shown("show routes main", "title", "REASON"));
	rig_add(f->rib, "10.6.0.0/16 via 10.5.1.1 dev 101 onlink");
	rib_settle(f->rib->rib);
	CHECK(column_shown("show routes main", "title", "REASON"));
	CHECK_STR(route_field("show routes 10.6.0.0/16", "state"), "unresolved");
	CHECK_STR(route_field("show routes 10.6.0.0/16", "reason"), "no route to the next hop");
	CHECK_STR(route_field("show routes 10.6.0.0/16", "via"), "10.5.1.1");
	CHECK_STR(route_field("show routes 10.6.0.0/16", "device"), "dmvpn");
	rig_add(f->rib, "10.5.0.0/16 via 10.6.0.1 dev 101 onlink");
	rib_settle(f->rib->rib);
	CHECK_STR(route_field("show routes 10.6.0.0/16", "reason"), "next hop behind itself");
	rig_replace(f->rib, "10.5.0.0/16 via 10.0.0.12 dev 101");
	rib_settle(f->rib->rib);
	CHECK_STR(route_field("show routes 10.6.0.0/16", "state"), "active");
	CHECK_STR(route_field("show routes 10.6.0.0/16", "reason"), "(null)");
	CHECK_STR(route_field("show routes 10.6.0.0/16", "via"), "10.5.1.1 by 10.0.0.12");
}

static void
long_lists_of_routes_are_cut(void)
{
	char text[64];
	json_t *reply;

	for (unsigned i = 0; i < 1500; i++) {
		snprintf(text, sizeof(text), "20.%u.%u.0/24 via 10.0.0.12 dev 101", i / 250,
			i % 250);
		rig_add(f->rib, text);
	}
	reply = execute("show routes 20.0.0.0/8");
	CHECK_EQ(json_array_size(json_object_get(reply, "data")), 1000);
	CHECK(json_is_string(json_object_get(reply, "message")));
	json_decref(reply);
	reply = execute("show routes 20.3.0.0/16");
	CHECK_EQ(json_array_size(json_object_get(reply, "data")), 250);
	CHECK(json_object_get(reply, "message") == NULL);
	json_decref(reply);
}

static void
load_is_of_late(void)
{
	json_t *reply = execute("show workers");
	const json_t *row = json_array_get(json_object_get(reply, "data"), 1);

	CHECK_EQ(json_real_value(json_object_get(row, "load_percent")) * 10, 250);
	CHECK_EQ(json_real_value(json_object_get(row, "idle_percent")) * 10, 750);
	CHECK(column_shown("show workers", "key", "idle_percent"));
	CHECK_EQ(json_real_value(json_object_get(row, "max_round_us")), 50);
	json_decref(reply);
}

/** A worker has a figure where packets of the sample went through. */
static void
stages_have_a_column_each(void)
{
	json_t *reply = execute("show workers stages");
	const json_t *rows = json_object_get(reply, "data");
	const json_t *idle = json_array_get(rows, 0), *busy = json_array_get(rows, 1);

	CHECK_EQ(json_array_size(json_object_get(reply, "columns")), 1 + DP_STAGES);
	CHECK(column_shown("show workers stages", "title", "WORKER"));
	CHECK(column_shown("show workers stages", "title", "CLASSIFY"));
	CHECK(column_shown("show workers stages", "title", "ESP-IN"));
	CHECK(column_shown("show workers stages", "key", "esp_in"));
	CHECK_EQ(json_array_size(rows), 2);
	CHECK_EQ(json_object_size(idle), 1);
	CHECK_EQ(json_object_size(busy), 2);
	CHECK_EQ(json_integer_value(json_object_get(busy, "worker")), 1);
	CHECK_EQ(json_real_value(json_object_get(busy, "classify")), 150);
	json_decref(reply);
}

/* ---- Prometheus ------------------------------------------------------------------------------ */

/** What a sample's name may have behind that of its family. */
static bool
is_suffix(const char *at, bool histogram)
{
	static const char *const suffixes[] = { "_bucket{", "_sum{", "_count{", "_sum ",
		"_count " };

	if (!histogram)
		return *at == '{' || *at == ' ';
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strncmp(at, suffixes[i], strlen(suffixes[i])) == 0)
			return true;
	return false;
}

/** The end of {name="value",...}: names are words, quotes inside values escaped. NULL: it is none.
 */
static const char *
labels_end(const char *at)
{
	while (*at++ != '}') {
		size_t name = strspn(at, "abcdefghijklmnopqrstuvwxyz_");

		if (name == 0 || at[name] != '=' || at[name + 1] != '"')
			return NULL;
		for (at += name + 2; *at != '"'; at++) {
			if (*at == '\\' && strchr("\\\"n", *++at) == NULL)
				return NULL;
			if ((unsigned char)*at < 0x20)
				return NULL;
		}
		if (*++at != ',' && *at != '}')
			return NULL;
	}
	return at;
}

/** A sample of the family: name, labels, a blank and a number; never seen before. */
static void
sample(const char *line, const char *family, bool histogram, json_t *series)
{
	const char *at = strchr(line, '{'), *blank;
	char *end, key[1024];

	CHECK(strncmp(line, family, strlen(family)) == 0);
	CHECK(is_suffix(line + strlen(family), histogram));
	blank = at == NULL ? strchr(line, ' ') : labels_end(at);
	CHECK(blank != NULL && *blank == ' ');
	if (blank == NULL)
		return;
	strtod(blank + 1, &end);
	CHECK(end > blank + 1 && *end == '\0');
	snprintf(key, sizeof(key), "%.*s", (int)(blank - line), line);
	if (json_object_get(series, key) != NULL)
		printf("# twice: %s\n", key);
	CHECK(json_object_get(series, key) == NULL);
	json_object_set_new(series, key, json_true());
}

/** "# TYPE name type" behind its HELP; only counters end in _total, units are base units. */
static bool
type_line(const char *line, const char *family)
{
	char name[128] = "", type[16] = "";
	size_t n = strlen(family);

	CHECK_EQ(sscanf(line, "# TYPE %127s %15s", name, type), 2);
	CHECK_STR(name, family);
	CHECK(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
		strcmp(type, "histogram") == 0);
	CHECK_EQ(strcmp(type, "counter") == 0, n > 6 && strcmp(family + n - 6, "_total") == 0);
	CHECK(strspn(family, "abcdefghijklmnopqrstuvwxyz_46") == n);
	CHECK(strstr(family, "_ms") == NULL && strstr(family, "octets") == NULL);
	return strcmp(type, "histogram") == 0;
}

/**
 * As promtool checks it: each family once with HELP and TYPE, its samples behind it, no series
 * twice, labels quoted.
 */
static void
well_formed(const char *words, const char *const *lines)
{
	json_t *reply = execute(words), *series = json_object(), *families = json_object();
	const char *text = json_string_value(json_object_get(reply, "data"));
	char *copy = strdup(text), *save, *line;
	char family[128] = "";
	bool histogram = false, typed = true;
	size_t samples;

	CHECK(text[strlen(text) - 1] == '\n');
	for (line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		int help = 0;

		if (sscanf(line, "# HELP %127s %n", family, &help) == 1) {
			CHECK(typed && help > 0 && strlen(line + help) > 5);
			CHECK(json_object_get(families, family) == NULL);
			json_object_set_new(families, family, json_true());
			typed = false;
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			CHECK(!typed);
			histogram = type_line(line, family);
			typed = true;
		} else {
			CHECK(typed);
			sample(line, family, histogram, series);
		}
	}
	samples = json_object_size(series);
	json_decref(series);
	json_decref(families);
	CHECK(samples > 40);
	for (; *lines != NULL; lines++) {
		CHECK(strstr(text, *lines) != NULL);
		if (strstr(text, *lines) == NULL)
			printf("# not there: %s", *lines);
	}
	free(copy);
	json_decref(reply);
}

static void
metrics_are_well_formed(void)
{
	static const char *const lines[] = {
		"nave_packets_total{worker=\"1\",verdict=\"tx\"} 500\n",
		"nave_spokes{state=\"forwarding\"} 1\n", "nave_uptime_seconds 60\n",
		"nave_port_up{port=\"lan0\"} 0\n",
		"nave_worker_seconds_total{worker=\"1\",mode=\"idle\"} 6.000\n",
		"nave_worker_packets_total{worker=\"1\",direction=\"rx\"} 1000\n",
		"nave_worker_rx_bursts_total{worker=\"1\"} 100\n",
		"nave_worker_sleeps_total{worker=\"1\"} 7\n",
		"nave_worker_slow_rounds_total{worker=\"1\"} 10\n",
		"nave_worker_round_seconds_max{worker=\"1\"} 0.000050\n",
		"nave_worker_stage_cycles_total{worker=\"1\",stage=\"classify\"} 3000\n",
		"nave_worker_stage_packets_total{worker=\"1\",stage=\"classify\"} 20\n",
		"nave_worker_stage_packets_total{worker=\"0\",stage=\"l2\"} 0\n",
		"nave_crypto_jobs_refused_total{rank=\"stranger\"} ",
		"nave_crypto_wait_seconds_bucket{le=\"0.0001\"} ",
		"nave_crypto_wait_seconds_bucket{le=\"+Inf\"} ", "nave_crypto_wait_seconds_count ",
		"nave_ike_failures_total{reason=\"reason_1\"} 0\n",
		"nave_ike_sas{state=\"up\"} 2\n",
		"nave_ike_rekeys_total{sa=\"ike\",side=\"hub\",result=\"ok\"} 2\n",
		"nave_ike_rekeys_total{sa=\"ike\",side=\"peer\",result=\"ok\"} 7\n",
		"nave_ike_rekeys_total{sa=\"child\",side=\"peer\",result=\"failed\"} 4\n",
		"nave_nhrp_registrations{cloud=\"dmvpn\"} 11\n",
		"nave_crl_fetch_failures{profile=\"branches\",source=\"http://pki/\\\"q\\\".crl\"} "
		"3\n",
		NULL
	};
	json_t *reply = execute("metrics");
	char line[80];

	snprintf(line, sizeof(line), "nave_ike_failures_total{reason=\"reason_%d\"} 6\n",
		(int)IKE_REASON_PEER_SILENT);
	CHECK(strstr(json_string_value(json_object_get(reply, "data")), line) != NULL);
	snprintf(line, sizeof(line), "reason_%d\"", (int)IKE_REASON_REKEYED); /* no failure */
	CHECK(strstr(json_string_value(json_object_get(reply, "data")), line) == NULL);

	well_formed("metrics", lines);
	CHECK(strstr(json_string_value(json_object_get(reply, "data")), "nave_spoke_") == NULL);
	json_decref(reply);
}

/** As the workers' buckets, but each with those below it; the last has all. */
static void
rounds_are_a_histogram(void)
{
#define BUCKET(le, n) "nave_worker_round_seconds_bucket{worker=\"1\",le=\"" le "\"} " n "\n"
	static const char *const all[] = { "# TYPE nave_worker_round_seconds histogram\n",
		BUCKET("1e-06", "40") BUCKET("2e-06", "40") BUCKET("4e-06", "90") BUCKET(
			"8e-06", "90") BUCKET("1.6e-05", "90") BUCKET("3.2e-05", "90")
			BUCKET("6.4e-05", "90") BUCKET("0.000128", "96") BUCKET("0.000256", "96")
				BUCKET("0.000512", "96") BUCKET("+Inf", "100"),
		"nave_worker_round_seconds_sum{worker=\"1\"} 2.000000\n",
		"nave_worker_round_seconds_count{worker=\"1\"} 100\n", NULL };

	well_formed("metrics", all);
}

/** Of spokes only when asked for, and never of who only failed. */
static void
metrics_of_spokes(void)
{
#define FAR                                                                                        \
	"cloud=\"dmvpn\",identity=\"branch12.example.org\",tunnel=\"10.0.0.12\",nbma=\"198.51."    \
	"100.2\",port=\"4500\",group=\"vans\""
	static const char *const lines[] = { "nave_spoke_packets_total{" FAR
					     ",direction=\"rx\"} 5\n",
		"nave_spoke_sa_drops_total{" FAR ",reason=\"replay\"} 3\n",
		"nave_spoke_sa_drops_total{" FAR ",reason=\"auth\"} 2\n",
		"nave_spoke_state{" FAR "} 4\n", "nave_spoke_uptime_seconds{" FAR "} 93784\n",
		"nave_spoke_state{cloud=\"dmvpn\",identity=\"branch7\\\"\\\\??\"", NULL };
	json_t *reply;

	f->odd_name = true;
	well_formed("metrics --spokes", lines);
	reply = execute("metrics --spokes");
	CHECK(strstr(json_string_value(json_object_get(reply, "data")), "mallory") == NULL);
	json_decref(reply);
	f->odd_name = false;
	CHECK_STR(error_of("metrics all"), "metrics takes --spokes or nothing");
}

/** What a counter says, -1 when it is not listed. */
static json_int_t
counter(const char *words, const char *name)
{
	json_t *reply = execute(words), *row;
	json_int_t n = -1;
	size_t i;

	json_array_foreach (json_object_get(reply, "data"), i, row)
		if (strcmp(json_string_value(json_object_get(row, "counter")), name) == 0)
			n = json_integer_value(json_object_get(row, "packets"));
	json_decref(reply);
	return n;
}

/** A program that watches one needs it before it counts the first time. */
static void
counters_at_zero_are_listed_when_asked_for(void)
{
	static const struct {
		const char *name;
		json_int_t usually, all;
	} want[] = {
		{ "ike_rx", 10, 10 },
		{ "ike_drop_ikev1", -1, 0 },
		{ "ike_jobs_refused", 5, 5 },
		{ "icmp_error_held", 3, 3 },
		{ "pmtu_old", 3, 3 },
		{ "pmtu_lowered", -1, 0 },
		{ "nhrp_registration_request_taken", 4, 4 },
		{ "nhrp_other_left", -1, 0 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CHECK_EQ(counter("show counters", want[i].name), want[i].usually);
		CHECK_EQ(counter("show counters all", want[i].name), want[i].all);
	}
}

/** What the workers hold: the spoke's own counters, then those of its SAs. */
static void
counters_of_a_spoke(void)
{
	static const struct {
		const char *object, *direction, *spi;
		json_int_t packets, replay;
	} want[] = { { "peer", "in", NULL, 5, -1 }, { "peer", "out", NULL, 0, -1 },
		{ "sa", "in", "00001234", 40, 3 }, { "sa", "out", "00005678", 77, -1 } };
	json_t *reply = execute("show counters spoke 10.0.0.12"), *row;
	size_t i;

	columns_fit(reply);
	CHECK_EQ(json_array_size(json_object_get(reply, "data")), 4);
	json_array_foreach (json_object_get(reply, "data"), i, row) {
		const json_t *replay = json_object_get(row, "replay_drops");
		const char *spi = json_string_value(json_object_get(row, "spi"));

		CHECK_STR(json_string_value(json_object_get(row, "object")), want[i].object);
		CHECK_STR(json_string_value(json_object_get(row, "direction")), want[i].direction);
		CHECK((spi == NULL) == (want[i].spi == NULL));
		if (spi != NULL && want[i].spi != NULL)
			CHECK_STR(spi, want[i].spi);
		CHECK_EQ(json_integer_value(json_object_get(row, "packets")), want[i].packets);
		CHECK_EQ(json_is_null(replay) ? -1 : json_integer_value(replay), want[i].replay);
	}
	json_decref(reply);
	rows_have_shape("show counters spoke branch7", 2, "object:s packets:i spi:n worker:n");
	CHECK_STR(error_of("show counters spoke"), "show counters spoke needs WHICH");
	CHECK_STR(error_of("show counters spoke 203.0.113.9"),
		"no spoke 203.0.113.9 with a way to it: give an identity, tunnel or NBMA address "
		"as "
		"in show spokes");
	reply = execute("show ike branch12.example.org");
	row = json_array_get(json_object_get(json_object_get(reply, "data"), "children"), 0);
	CHECK_EQ(json_integer_value(json_object_get(row, "rx_packets")), 40);
	CHECK_EQ(json_integer_value(json_object_get(row, "tx_packets")), 77);
	CHECK_EQ(json_integer_value(json_object_get(row, "tx_bytes")), 7700);
	CHECK_EQ(json_integer_value(json_object_get(row, "rekey_in_packets")), 1000);
	CHECK(json_is_null(json_object_get(row, "rekey_in_bytes"))); /* no limit */
	CHECK_EQ(json_integer_value(json_object_get(row, "replay_drops")), 3);
	CHECK_EQ(json_integer_value(json_object_get(row, "auth_failures")), 2);
	CHECK_EQ(json_integer_value(json_object_get(row, "worker")), 1);
	json_decref(reply);
}

int
main(void)
{
	f = fake_view_new();
	TEST(words_may_be_cut_short);
	TEST(errors_say_what_would_be_right);
	TEST(odd_requests_are_refused);
	TEST(answers_keep_their_shape);
	TEST(events_of_late);
	TEST(spokes_are_sorted_and_counted);
	TEST(path_mtu_is_shown_where_known);
	TEST(spokes_of_a_group);
	TEST(odd_names_have_their_line);
	TEST(ten_thousand_spokes);
	TEST(secrets_are_not_shown);
	TEST(routes_say_where_from_and_whether_they_work);
	TEST(routes_say_what_their_next_hop_is_behind);
	TEST(long_lists_of_routes_are_cut);
	TEST(load_is_of_late);
	TEST(stages_have_a_column_each);
	TEST(metrics_are_well_formed);
	TEST(rounds_are_a_histogram);
	TEST(metrics_of_spokes);
	TEST(counters_at_zero_are_listed_when_asked_for);
	TEST(counters_of_a_spoke);
	fake_view_free(f);
	return check_done();
}
