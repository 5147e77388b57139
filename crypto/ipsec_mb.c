/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/ipsec_mb.h"

#include <stddef.h>

IMB_MGR *
ipsec_mb_new(void)
{
	IMB_MGR *mb = alloc_mb_mgr(0);

	if (mb == NULL)
		return NULL;
	init_mb_mgr_auto(mb, NULL);
	if (imb_get_errno(mb) != 0 || mb->get_next_burst == NULL) {
		free_mb_mgr(mb);
		return NULL;
	}
	return mb;
}
