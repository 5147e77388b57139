/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/pki.h"

#include <stdlib.h>

struct config_pki *
config_pki_new(void)
{
	struct config_pki *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->users = 1;
	return p;
}

struct config_pki *
config_pki_get(struct config_pki *p)
{
	if (p != NULL)
		p->users++;
	return p;
}

void
config_pki_put(struct config_pki *p)
{
	if (p == NULL || --p->users > 0)
		return;
	for (uint32_t i = 0; i < p->own_count; i++)
		cert_put(p->own[i]);
	sign_key_put(p->key);
	cert_trust_put(p->trust);
	free(p->maps);
	free(p);
}
