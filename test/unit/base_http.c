/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of http:// and heads of answers; http_get() itself is met by crl_fetch. */
#include "control/base/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/url.h"
#include "test/lib/check.h"

static void
urls_are_taken_apart(void)
{
	static const struct {
		const char *text, *host, *port, *path;
	} rows[] = {
		{ "http://pki.example.org/ca.crl", "pki.example.org", "80", "/ca.crl" },
		{ "http://pki.example.org", "pki.example.org", "80", "/" },
		{ "http://192.0.2.7:8080/a/b?c=d&e=%20", "192.0.2.7", "8080", "/a/b?c=d&e=%20" },
		{ "http://[2001:db8::1]:81/x", "2001:db8::1", "81", "/x" },
		{ "http://[2001:db8::1]", "2001:db8::1", "80", "/" },
	};
	struct url u;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_EQ(url_parse(rows[i].text, &u), 0);
		CHECK_STR(u.host, rows[i].host);
		CHECK_STR(u.port, rows[i].port);
		CHECK_STR(u.path, rows[i].path);
	}
}

static void
other_urls_are_refused(void)
{
	static const char *const rows[] = { "", "http://", "https://pki.example.org/ca.crl",
		"ldap://pki.example.org/", "file:///etc/passwd", "HTTP://pki.example.org/",
		"http:///ca.crl", "http://user@pki.example.org/", "http://pki.example.org:/",
		"http://pki.example.org:123456/", "http://pki.example.org:80a/",
		"http://pki.example.org/a b", "http://pki.example.org/a\r\nHost: x",
		"http://pki.example.org/#x", "http://pki.example.org?x", "http://[::1/",
		"http://[pki]/", "http://p\xc3\xa4.example.org/", "http://pki\\.example.org/" };
	char longest[400] = "http://";
	struct url u = { .host = "as it was" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (url_parse(rows[i], &u) == 0)
			printf("# %s\n", rows[i]);
		CHECK_EQ(url_parse(rows[i], &u), -EINVAL);
	}
	memset(longest + 7, 'a', URL_HOST_BYTES);
	CHECK_EQ(url_parse(longest, &u), -EINVAL);
	CHECK_STR(u.host, "as it was");
	longest[7 + URL_HOST_BYTES - 1] = '\0';
	CHECK_EQ(url_parse(longest, &u), 0);
	strcpy(longest, "http://a/");
	memset(longest + 9, 'b', URL_PATH_BYTES - 1);
	CHECK_EQ(url_parse(longest, &u), -EINVAL);
}

static void
heads_are_read(void)
{
	static const struct {
		const char *text;
		int err;
		unsigned status;
		int64_t length;
		bool coded;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nbody", 0, 200, 17, false },
		{ "HTTP/1.0 200\r\n\r\n", 0, 200, -1, false },
		{ "HTTP/1.1 404 Not Found\r\ncontent-length:\t 0 \r\n\r\n", 0, 404, 0, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 200, 5,
			false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 200, -1, true },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", 0, 200, -1, true },
		{ "HTTP/1.1 200 OK\r\nX-Content-Length: 9\r\n\r\n", 0, 200, -1, false },
		{ "", -EAGAIN, 0, 0, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r", -EAGAIN, 0, 0, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", -EBADMSG, 0,
			0, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", -EBADMSG, 0, 0, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", -EBADMSG, 0, 0,
			false },
		{ "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", -EBADMSG, 0, 0, false },
		{ "HTTP/2.0 200 OK\r\n\r\n", -EBADMSG, 0, 0, false },
		{ "HTTP/1.1 2000 OK\r\n\r\n", -EBADMSG, 0, 0, false },
		{ "HTTP/1.1 20\r\n\r\n", -EBADMSG, 0, 0, false },
		{ "HTTP/1.1 099 no\r\n\r\n", -EBADMSG, 0, 0, false },
		{ "\r\n\r\n", -EBADMSG, 0, 0, false },
		{ "220 mail.example.org ESMTP\r\n\r\n", -EBADMSG, 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].text);
		char *exact = malloc(n + 1); /* its end is the end of memory */
		struct http_head h = { 0 };

		memcpy(exact, rows[i].text, n);
		if (http_head_read(exact, n, &h) != rows[i].err)
			printf("# %s\n", rows[i].text);
		CHECK_EQ(http_head_read(exact, n, &h), rows[i].err);
		if (rows[i].err == 0) {
			CHECK_EQ(h.status, rows[i].status);
			CHECK_EQ(h.length, rows[i].length);
			CHECK_EQ(h.coded, rows[i].coded);
			CHECK_EQ(h.bytes, strstr(rows[i].text, "\r\n\r\n") + 4 - rows[i].text);
		}
		free(exact);
	}
}

static void
endless_head_is_refused(void)
{
	static char text[HTTP_HEAD_BYTES + 64];
	struct http_head h;

	memset(text, 'a', sizeof(text));
	memcpy(text, "HTTP/1.1 200 OK\r\n", 17);
	CHECK_EQ(http_head_read(text, HTTP_HEAD_BYTES - 1, &h), -EAGAIN);
	CHECK_EQ(http_head_read(text, HTTP_HEAD_BYTES, &h), -EBADMSG);
	memcpy(text + HTTP_HEAD_BYTES - 2, "\r\n\r\n", 4);
	CHECK_EQ(http_head_read(text, sizeof(text), &h), -EBADMSG);
	memcpy(text + HTTP_HEAD_BYTES - 4, "\r\n\r\n", 4);
	CHECK_EQ(http_head_read(text, sizeof(text), &h), 0);
}

int
main(void)
{
	TEST(urls_are_taken_apart);
	TEST(other_urls_are_refused);
	TEST(heads_are_read);
	TEST(endless_head_is_refused);
	return check_done();
}
