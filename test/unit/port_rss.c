/* SPDX-License-Identifier: BSD-3-Clause */
/** Which hashes a device is asked for, by what it offers. */
#include <rte_ethdev.h>

#include "dataplane/dp_priv.h"
#include "test/lib/check.h"

#define IP  RTE_ETH_RSS_IP
#define UDP RTE_ETH_RSS_UDP
#define TCP RTE_ETH_RSS_TCP
#define ESP RTE_ETH_RSS_ESP

static void
asked_for_by_what_is_offered(void)
{
	static const struct {
		const char *device;
		uint64_t offered;
		uint16_t rxqs;
		uint64_t asked;
	} rows[] = {
		{ "none", 0, 4, 0 },
		{ "addresses", IP, 4, IP },
		{ "IPv4 alone", RTE_ETH_RSS_IPV4, 4, RTE_ETH_RSS_IPV4 },
		{ "ports, no ESP", IP | UDP | TCP, 4, IP | UDP | TCP },
		{ "ports and SPI", IP | UDP | TCP | ESP, 4, IP | UDP | TCP | ESP },
		{ "SPI alone", ESP, 4, ESP },
		{ "nothing of use", RTE_ETH_RSS_L2_PAYLOAD | RTE_ETH_RSS_VXLAN, 4, 0 },
		{ "all there is", UINT64_MAX, 4, IP | UDP | TCP | ESP },
		{ "two queues", IP | ESP, 2, IP | ESP },
		{ "one queue", IP | UDP | ESP, 1, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t asked = port_rss(rows[i].offered, rows[i].rxqs);

		CHECK_EQ(asked, rows[i].asked);
		if (asked != rows[i].asked)
			printf("# %s\n", rows[i].device);
	}
}

int
main(void)
{
	TEST(asked_for_by_what_is_offered);
	return check_done();
}
