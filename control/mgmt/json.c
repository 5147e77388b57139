/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"

/** With "?" for what is not ASCII: a name may be no UTF-8, or cut within a character. */
static json_t *
ascii(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n + 1);
	json_t *value;

	if (copy == NULL)
		return json_string("?");
	for (size_t i = 0; i <= n; i++)
		copy[i] = (unsigned char)text[i] > 0x7e ? '?' : text[i];
	value = json_string(copy);
	free(copy);
	return value;
}

json_t *
json_text(const char *text)
{
	json_t *value;

	if (text == NULL || text[0] == '\0')
		return json_null();
	value = json_string(text);
	return value != NULL ? value : ascii(text);
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
