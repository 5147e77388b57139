/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/host_device.h"

#include "config/load.h"
#include "test/lib/check.h"
#include "test/unit/config_base.h"

static void
ports_check(const struct config *c, struct report *r)
{
	for (uint32_t i = 0; i < c->ports_count; i++)
		host_device_check(c, i, report_error, r);
}

static void
ports_look(const struct config *c, struct report *r)
{
	for (uint32_t i = 0; i < c->ports_count; i++)
		host_device_check(c, i, report_warn, r);
}

static const struct device_case {
	const char *device, *message; /* "": all is well */
	enum { MISSING_HERE, HOPELESS, ONLY_WARNED } kind;
} cases[] = {
	/* clang-format off */
	{ "net_null7", "", MISSING_HERE },
	{ "net_af_packet0,iface=lo", "", MISSING_HERE },
	{ "net_af_packet0,qpairs=2,iface=lo,blocksz=4096", "", MISSING_HERE },
	{ "net_af_xdp0,iface=lo", "", MISSING_HERE },
	{ "net_tap0", "", MISSING_HERE },
	{ "net_tap0,remote=lo", "", MISSING_HERE },
	{ "net_memif0,role=server,socket=/run/x", "", MISSING_HERE },
	{ "net_bonding0,mode=1,member=net_null2", "", MISSING_HERE },
	{ "net_af_packet0,iface=nave-gone0",
		"this machine has no network device \"nave-gone0\"; `ip link` lists those it has", MISSING_HERE },
	{ "net_af_xdp0,iface=nave-gone0,x=1",
		"this machine has no network device \"nave-gone0\"; `ip link` lists those it has", MISSING_HERE },
	{ "net_tap0,remote=nave-gone0",
		"this machine has no network device \"nave-gone0\"; `ip link` lists those it has", MISSING_HERE },
	{ "net_af_packet0", "net_af_packet needs iface=, the network device to use", HOPELESS },
	{ "net_af_packet0,xiface=lo", "net_af_packet needs iface=, the network device to use", HOPELESS },
	{ "fffe:1f:1f.7",
		"this machine has no PCI device fffe:1f:1f.7; `lspci -D` lists those it has", MISSING_HERE },
	{ "fe:1f.7,x=y",
		"this machine has no PCI device fe:1f.7; `lspci -D` lists those it has", MISSING_HERE },
	{ "net_bonding0,mode=1,slave=fffe:1f:1f.7,member=fffe:1f:1f.6",
		"this machine has no PCI device fffe:1f:1f.6; `lspci -D` lists those it has\n"
		"this machine has no PCI device fffe:1f:1f.7; `lspci -D` lists those it has", MISSING_HERE },
	{ "net_af_paket0,iface=lo", "\"net_af_paket0\" is not known here: if DPDK has no such "
		"driver either, naved will not start", ONLY_WARNED },
	{ "fslmc:dpni.1", "\"fslmc:dpni.1\" is not known here: if DPDK has no such "
		"driver either, naved will not start", ONLY_WARNED },
	{ "../../etc", "\"../../etc\" is no device; allowed: a PCI address "
		"(lspci -D), or a software port as net_af_packet0,iface=eth1, net_af_xdp0, "
		"net_memif0, net_tap0, net_bonding0, net_virtio_user0", HOPELESS },
	{ "eth0", "\"eth0\" is no device; allowed: a PCI address "
		"(lspci -D), or a software port as net_af_packet0,iface=eth1, net_af_xdp0, "
		"net_memif0, net_tap0, net_bonding0, net_virtio_user0", HOPELESS },
	/* clang-format on */
};

/** All texts; the place is the device's each time. */
static void
texts(char *out, size_t n, const struct config_errors *e)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < e->count && at < n; i++) {
		CHECK_STR(e->list[i].path, "ports[0].device");
		CHECK_EQ(e->list[i].line, 5);
		at += (size_t)snprintf(
			out + at, n - at, "%s%s", i > 0 ? "\n" : "", e->list[i].text);
	}
}

static void
case_run(const struct device_case *t, config_host_check *host, bool good, const char *dir)
{
	static char text[65536];
	char device[200], got[600];
	struct config_errors errors;
	struct config *c = NULL;

	snprintf(device, sizeof(device), "device: \"%s\"", t->device);
	base_text(text, sizeof(text), "device: net_null0", device, dir);
	CHECK_EQ(config_load_buffer(text, strlen(text), host, &c, &errors) == 0, good);
	texts(got, sizeof(got), &errors);
	CHECK_STR(got, t->message);
	config_errors_free(&errors);
	if (good)
		config_free(c);
}

static void
what_is_missing_is_told(void)
{
	char dir[64];

	base_dir(dir, sizeof(dir));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		case_run(&cases[i], ports_check,
			cases[i].message[0] == '\0' || cases[i].kind == ONLY_WARNED, dir);
		case_run(&cases[i], ports_look, cases[i].kind != HOPELESS, dir);
	}
	base_dir_remove(dir);
}

int
main(void)
{
	TEST(what_is_missing_is_told);
	return check_done();
}
