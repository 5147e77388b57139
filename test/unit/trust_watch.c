/* SPDX-License-Identifier: BSD-3-Clause */
/* CRL files that change under a running hub. */
#include "control/trust_watch.h"

#include <unistd.h>

#include "config/pki.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

static struct net n; /* large: not on the stack */
static char crl[64];

/** The CRL file becomes that vector, or rubbish for NULL. */
static void
crl_write(const char *name)
{
	char path[64];
	size_t bytes = 7;
	uint8_t *data = NULL;
	FILE *f = fopen(crl, "wb");

	if (name != NULL) {
		snprintf(path, sizeof(path), "cert/%s.crl", name);
		data = vector_read(path, &bytes);
	}
	CHECK_EQ(fwrite(name != NULL ? data : (const uint8_t *)"rubbish", 1, bytes, f), bytes);
	fclose(f);
	free(data);
}

static void
crl_read_again(void)
{
	struct config_ike_profile profile;
	struct config c = { .ike = &profile, .ike_count = 1 };
	struct pki_problem bad;

	strcpy(crl, "/tmp/nave-crl-XXXXXX");
	close(mkstemp(crl));
	crl_write("sub"); /* does not name the spoke */
	net_begin(&n);
	struct config_pki *pki = n.hub.profile.pki = net_pki("hub");

	n.spoke.profile.pki = net_pki("sha1");
	pki->sha1 = true;
	pki->crl_rule = CERT_CRL_FAIL_OPEN;
	snprintf(pki->trust_files[0], CONFIG_TEXT_BYTES, "%s/cert/root.pem", TEST_VECTORS);
	snprintf(pki->crl_files[0], CONFIG_TEXT_BYTES, "%s", crl);
	pki->trust_files_count = pki->crl_files_count = 1;
	cert_trust_put(pki->trust);
	CHECK_EQ(pki_trust_read(pki, &pki->trust, &bad), 0);
	profile = n.hub.profile;
	net_start(&n);
	struct trust_watch *w = trust_watch_new(n.hub.ike);

	CHECK(trust_watch_next_ms(w) == UINT64_MAX);
	CHECK_EQ(trust_watch_set(w, &c, n.now_ms), 0);
	net_initiate(&n, true);
	net_run(&n, 10000);
	CHECK_EQ(n.hub.ups, 1);
	CHECK(trust_watch_next_ms(w) <= n.now_ms);
	trust_watch_tick(w, n.now_ms);
	CHECK_EQ(n.hub.downs, 0);
	CHECK(trust_watch_next_ms(w) > n.now_ms);

	crl_write("root"); /* does, but it is not yet time to look */
	trust_watch_tick(w, n.now_ms);
	CHECK_EQ(n.hub.downs, 0);
	crl_write(NULL);
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms); /* rubbish changes nothing */
	CHECK_EQ(n.hub.downs, 0);
	crl_write("root");
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms);
	net_run(&n, 1000);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_REVOKED);

	net_initiate(&n, true); /* and it does not come in again */
	net_run(&n, 10000);
	CHECK_EQ(n.hub.ups, 1);
	CHECK_EQ(n.hub.events[IKE_REASON_CERT_REVOKED], 2);
	trust_watch_free(w);
	net_end(&n);
	unlink(crl);
}

int
main(void)
{
	TEST(crl_read_again);
	return check_done();
}
