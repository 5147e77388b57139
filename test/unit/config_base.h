/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_UNIT_CONFIG_BASE_H
#define TEST_UNIT_CONFIG_BASE_H

/**
 * A good file to start from, and a folder with secret files good and bad. DIR in a text
 * stands for that folder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

static const char base_yaml[] = "system:\n"
				"  workers: 2\n"
				"ports:\n"
				"  - name: wan0\n"
				"    device: net_null0\n"
				"    role: wan\n"
				"    addresses: [192.0.2.1/24]\n"
				"  - name: lan0\n"
				"    device: net_null1\n"
				"    role: lan\n"
				"    addresses: [172.16.0.1/24]\n"
				"clouds:\n"
				"  - name: dmvpn\n"
				"    addresses: [10.0.0.1/24]\n"
				"    source: 192.0.2.1\n"
				"    key: 42\n"
				"    protection: branch\n"
				"    nhrp:\n"
				"      network_id: 1\n"
				"ike:\n"
				"  - name: branch\n"
				"secrets:\n"
				"  - address: any\n"
				"    key: file:DIR/psk\n";

static const struct base_file {
	const char *name;
	mode_t mode;
	const char *content;
} base_files[] = {
	{ "psk", 0600, "correct horse battery staple\n" },
	{ "psk-crlf", 0400, "correct horse battery staple\r\n" },
	{ "psk-hex", 0600, "hex:00ff10203040506070809A0b0c0d0e0f10111213\n" },
	{ "psk-base64", 0600, "base64:AP8QIDBAUGBwgJA=\n" },
	{ "short", 0600, "secret" },
	{ "open", 0640, "correct horse battery staple\n" },
	{ "open-others", 0604, "correct horse battery staple\n" },
	{ "empty", 0600, "" },
	{ "badhex", 0600, "hex:0g\n" },
};

static inline void
base_path(char *path, size_t n, const char *dir, const char *name)
{
	snprintf(path, n, "%s/%s", dir, name);
}

static inline void
base_write(const char *path, const char *content, size_t bytes, mode_t mode)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(content, 1, bytes, f) != bytes || fclose(f) != 0)
		abort();
	chmod(path, mode);
}

/** Make the folder and all of its files. */
static inline void
base_dir(char *dir, size_t n)
{
	char path[128], text[2000];

	snprintf(dir, n, "/tmp/nave-config-XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	for (size_t i = 0; i < sizeof(base_files) / sizeof(base_files[0]); i++) {
		base_path(path, sizeof(path), dir, base_files[i].name);
		base_write(path, base_files[i].content, strlen(base_files[i].content),
			base_files[i].mode);
	}
	memset(text, 'a', sizeof(text));
	base_path(path, sizeof(path), dir, "long");
	base_write(path, text, sizeof(text), 0600);
}

static inline void
base_dir_remove(const char *dir)
{
	char path[128];

	for (size_t i = 0; i < sizeof(base_files) / sizeof(base_files[0]); i++) {
		base_path(path, sizeof(path), dir, base_files[i].name);
		unlink(path);
	}
	base_path(path, sizeof(path), dir, "long");
	unlink(path);
	rmdir(dir);
}

/** Copy text with every DIR replaced. */
static inline void
base_expand(char *out, size_t n, const char *text, const char *dir)
{
	size_t at = 0;

	while (*text != '\0' && at + strlen(dir) + 1 < n) {
		if (strncmp(text, "DIR", 3) == 0) {
			at += (size_t)snprintf(out + at, n - at, "%s", dir);
			text += 3;
		} else {
			out[at++] = *text++;
		}
	}
	out[at] = '\0';
}

/** The good file with `find` replaced once (NULL: all of it), DIR expanded. */
static inline void
base_text(char *out, size_t n, const char *find, const char *replace, const char *dir)
{
	static char text[65536];
	const char *at = find == NULL ? base_yaml : strstr(base_yaml, find);

	if (at == NULL) {
		printf("# \"%s\" is not in the good file\n", find);
		abort();
	}
	size_t gone = find == NULL ? strlen(base_yaml) : strlen(find);

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - base_yaml), base_yaml, replace,
		at + gone);
	base_expand(out, n, text, dir);
}

/** All messages, one per line, without the file's name. */
static inline void
base_messages(char *out, size_t n, const struct config_errors *errors)
{
	char line[512];
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < errors->count && at < n; i++) {
		config_error_print("F", &errors->list[i], line, sizeof(line));
		at += (size_t)snprintf(out + at, n - at, "%s%s", i > 0 ? "\n" : "",
			line + (errors->list[i].line > 0 ? 2 : 3));
	}
}

#endif
