/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_HEX_H
#define CONFIG_HEX_H

/** Value of one hexadecimal digit, -1 when it is none. */
static inline int
hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

#endif
