/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_URL_H
#define CONFIG_URL_H

/** http:// addresses, taken apart: of CRLs, which carry their own signature. */
#define URL_HOST_BYTES 128
#define URL_PORT_BYTES 6
#define URL_PATH_BYTES 128

struct url {
	char host[URL_HOST_BYTES]; /* a name or an address, without brackets */
	char port[URL_PORT_BYTES]; /* "80" where none is said */
	char path[URL_PATH_BYTES]; /* with what follows '?'; "/" at least */
};

/**
 * "http://HOST[:PORT][/PATH]". 0 or -EINVAL: another scheme, a user name, a fragment, a blank or
 * a control character, an octet beyond ASCII, or a part too long.
 */
int url_parse(const char *text, struct url *out);

#endif
