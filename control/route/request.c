/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct request
request_of(uint16_t type, uint16_t flags, size_t body)
{
	struct request q = { .h = {
				     .nlmsg_len = (uint32_t)NLMSG_LENGTH(body),
				     .nlmsg_type = type,
				     .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
			     } };

	return q;
}

void
request_attr(struct request *q, uint16_t type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)&q->h + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	q->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

int
request_send(int fd, struct request *q, uint32_t seq)
{
	q->h.nlmsg_seq = seq;
	return send(fd, q, q->h.nlmsg_len, 0) < 0 ? -errno : 0;
}

int
request_errno(const struct nlmsghdr *h)
{
	int err = 0;

	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(err)))
		memcpy(&err, NLMSG_DATA(h), sizeof(err));
	return err;
}
