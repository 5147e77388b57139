/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server answers to http_get(), and an http:// address. */
#include <string.h>

#include "config/url.h"
#include "control/base/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[300];
	struct http_head h;
	struct url u;

	if (http_head_read(data, size, &h) == 0 &&
		(h.bytes > size || h.bytes > HTTP_HEAD_BYTES || h.status < 100 || h.status > 999 ||
			h.length < -1))
		__builtin_trap();
	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (url_parse(text, &u) == 0 &&
		(u.host[0] == '\0' || u.port[0] == '\0' || u.path[0] != '/' ||
			strpbrk(u.path, " \r\n#") != NULL))
		__builtin_trap();
	return 0;
}
