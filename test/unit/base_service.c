/* SPDX-License-Identifier: BSD-3-Clause */
/* What a service manager hears, at a path and at an abstract name; and that silence is safe. */
#include "control/base/service.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/lib/check.h"

static char dir[] = "/tmp/nave-service-XXXXXX";

/** A manager at this NOTIFY_SOCKET; its socket. */
static int
manager(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path, name, n);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	CHECK_EQ(bind(fd, (struct sockaddr *)&at,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

/** The next datagram, "" when there is none. */
static const char *
heard(int fd)
{
	static char text[1024];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
a_life_is_told(const char *name)
{
	unsigned long long usec = 0;
	char rest[8] = "";
	int fd = manager(name);

	service_ready("%d clouds", 2);
	CHECK_STR(heard(fd), "READY=1\nSTATUS=2 clouds");
	service_reloading();
	CHECK_EQ(sscanf(heard(fd), "RELOADING=1\nMONOTONIC_USEC=%llu%7s", &usec, rest), 1);
	CHECK(usec > 0);
	service_ready("reload refused:\n%s", "line 3");
	CHECK_STR(heard(fd), "READY=1\nSTATUS=reload refused: line 3");
	service_stopping("%s", "telling the spokes");
	CHECK_STR(heard(fd), "STOPPING=1\nSTATUS=telling the spokes");
	CHECK_STR(heard(fd), "");
	close(fd);
}

static void
at_a_path(void)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/notify", dir);
	a_life_is_told(name);
	service_ready("nobody is there any more");
	unlink(name);
	service_ready("nor is the socket");
}

static void
at_an_abstract_name(void)
{
	char name[64];

	snprintf(name, sizeof(name), "@nave-service-%d", (int)getpid());
	a_life_is_told(name);
}

/** The longest name there can be has no room for a zero behind it. */
static void
at_the_longest_name(void)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(name, sizeof(name), "@%d", (int)getpid());
	name[strlen(name)] = '-';
	CHECK_EQ(strlen(name), sizeof(name) - 1);
	a_life_is_told(name);
}

static void
a_long_status_is_cut(void)
{
	char name[64], text[2000];
	int fd;

	snprintf(name, sizeof(name), "@nave-service-%d", (int)getpid());
	fd = manager(name);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	service_ready("%s", text);
	CHECK_EQ(strlen(heard(fd)), 511);
	close(fd);
}

static void
without_a_manager_nothing_happens(void)
{
	static const char *const names[] = { "", "@", "/", "relative", "vsock:2:1234",
		"/far/too/long/"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		service_stopping("bye");
	}
	unsetenv("NOTIFY_SOCKET");
	service_ready("hello");
	service_reloading();
	CHECK(access("relative", F_OK) != 0);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		abort();
	TEST(at_a_path);
	TEST(at_an_abstract_name);
	TEST(at_the_longest_name);
	TEST(a_long_status_is_cut);
	TEST(without_a_manager_nothing_happens);
	rmdir(dir);
	return check_done();
}
