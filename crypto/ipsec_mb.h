/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_IPSEC_MB_H
#define CRYPTO_IPSEC_MB_H

/** A manager of intel-ipsec-mb; for crypto/ alone. */
#include <intel-ipsec-mb.h>

/** With the code for this CPU. NULL: no memory, or no such code. End it by free_mb_mgr(). */
IMB_MGR *ipsec_mb_new(void);

#endif
