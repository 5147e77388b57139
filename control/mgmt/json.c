/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/json.h"

#include <stdio.h>

#include "crypto/cert.h"

json_t *
json_text(const char *text)
{
	return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

json_t *
json_addr(const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];

	return a->family == ADDR_NONE ? json_null() : json_string(addr_print(a, text));
}

json_t *
json_spi(uint32_t spi)
{
	char text[12];

	snprintf(text, sizeof(text), "%08x", spi);
	return spi == 0 ? json_null() : json_string(text);
}

json_t *
json_ms_left(uint64_t ms)
{
	return ms == UINT64_MAX ? json_null() : json_integer((json_int_t)(ms / 1000));
}

json_t *
json_time(int64_t at_s)
{
	char text[CERT_TIME_BYTES];

	return at_s == 0 ? json_null() : json_string(cert_time_print(at_s, text));
}

json_t *
json_columns(const char *const *pairs)
{
	json_t *list = json_array();

	for (; pairs[0] != NULL; pairs += 2)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "key", pairs[0], "title", pairs[1]));
	return list;
}
