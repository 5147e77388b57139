/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/secret_file.h"

#include "config/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES 1024 /* base64 of SECRET_MAX_BYTES, prefix and newline fit */

/* Both decoders work in place: what they write never overtakes what they read. */
static int
hex_decode(uint8_t *data, size_t n)
{
	if (n % 2 != 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(data[i]), low = hex_digit(data[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		data[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (int)(n / 2);
}

static int
sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int
base64_decode(uint8_t *data, size_t n)
{
	uint32_t acc = 0;
	int bits = 0, at = 0;

	if (n % 4 != 0)
		return -EINVAL;
	for (int pad = 0; pad < 2 && n > 0 && data[n - 1] == '='; pad++)
		n--;
	for (size_t i = 0; i < n; i++) {
		int v = sextet(data[i]);

		if (v < 0)
			return -EINVAL;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			data[at++] = (uint8_t)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	secret_wipe_bytes(&acc, sizeof(acc));
	return at;
}

/** The octets the content stands for: *from..+length, decoded in place. -EINVAL: bad coding. */
static int
content_decode(uint8_t *data, size_t n, uint8_t **from)
{
	if (n > 0 && data[n - 1] == '\n')
		n--;
	if (n > 0 && data[n - 1] == '\r')
		n--;
	*from = data;
	if (n >= 4 && memcmp(data, "hex:", 4) == 0) {
		*from = data + 4;
		return hex_decode(*from, n - 4);
	}
	if (n >= 7 && memcmp(data, "base64:", 7) == 0) {
		*from = data + 7;
		return base64_decode(*from, n - 7);
	}
	return (int)n;
}

static int
mode_check(int fd, const char *path, const char *key, struct report *r)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		report_error(r, key, "secret file %s is not a regular file", path);
		return -EINVAL;
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		report_error(r, key,
			"secret file %s has mode %04o, others than its owner can use it; "
			"run: chmod 600 %s",
			path, (unsigned)(st.st_mode & 07777), path);
		return -EINVAL;
	}
	return 0;
}

static int
content_take(uint8_t *data, ssize_t n, const char *path, const char *key, struct secret *out,
	struct report *r)
{
	uint8_t *from;
	int bytes;

	if (n < 0) {
		report_error(r, key, "secret file %s cannot be read: %s", path, strerror(errno));
		return -EINVAL;
	}
	if (n > FILE_MAX_BYTES) {
		report_error(
			r, key, "secret file %s is longer than %d octets", path, FILE_MAX_BYTES);
		return -EINVAL;
	}
	bytes = content_decode(data, (size_t)n, &from);
	if (bytes <= 0 || secret_set(out, from, (size_t)bytes) != 0) {
		report_error(r, key, "secret file %s %s", path,
			bytes == 0          ? "is empty; put the secret into it"
				: bytes < 0 ? "has characters that are not of its hex: or base64: "
					      "coding"
					    : "holds more than a secret's 512 octets");
		return -EINVAL;
	}
	return 0;
}

int
secret_file_open(const char *value, const char *key, struct report *r)
{
	const char *path = value + strlen("file:");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		report_error(r, key, "secret file %s cannot be opened: %s%s", path, strerror(errno),
			errno == ENOENT ? "; create it with mode 600" : "");
		return -EINVAL;
	}
	if (mode_check(fd, path, key, r) != 0) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int
secret_file_read(const char *value, const char *key, struct secret *out, struct report *r)
{
	uint8_t data[FILE_MAX_BYTES + 1];
	int fd = secret_file_open(value, key, r);
	int err;

	if (fd < 0)
		return fd;
	ssize_t n = read(fd, data, sizeof(data));

	err = content_take(data, n, value + strlen("file:"), key, out, r);
	secret_wipe_bytes(data, sizeof(data));
	close(fd);
	return err;
}
