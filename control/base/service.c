/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/base/log.h"

#define PATIENCE_S 1

/** Returns the length of *to, 0: there is nobody to tell. */
static socklen_t
manager_find(struct sockaddr_un *to)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t n = name != NULL ? strlen(name) : 0;

	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n < 2 || n > sizeof(to->sun_path) || (name[0] != '/' && name[0] != '@'))
		return 0;
	memcpy(to->sun_path, name, n);
	if (name[0] == '@') /* its length is its end, not a zero */
		to->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static void
tell(const char *text)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un to;
	socklen_t n = manager_find(&to);
	int fd;

	if (n == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, n) < 0)
		log_warning(
			"the service manager at NOTIFY_SOCKET was not told: %s", strerror(errno));
	close(fd);
}

/** state and "STATUS=...", which is a line whatever the text is. */
static void
tell_status(const char *state, const char *fmt, va_list args)
{
	char text[512];
	size_t at = (size_t)snprintf(text, sizeof(text), "%s\nSTATUS=", state);

	vsnprintf(text + at, sizeof(text) - at, fmt, args);
	for (char *c = text + at; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	tell(text);
}

void
service_ready(const char *status, ...)
{
	va_list args;

	va_start(args, status);
	tell_status("READY=1", status, args);
	va_end(args);
}

void
service_reloading(void)
{
	struct timespec now;
	char text[64];

	/* The time lets a manager tell this reload from the one before. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	tell(text);
}

void
service_stopping(const char *status, ...)
{
	va_list args;

	va_start(args, status);
	tell_status("STOPPING=1", status, args);
	va_end(args);
}
