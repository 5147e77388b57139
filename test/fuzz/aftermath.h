/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FUZZ_AFTERMATH_H
#define TEST_FUZZ_AFTERMATH_H

#include "test/lib/ike_net.h"

/**
 * What an operator and the data path may want of the hub next, then enough time for all to end,
 * and the end of the net. Traps when the hub keeps something, or would show what disturbs a
 * terminal.
 */
void aftermath(struct net *n);

#endif
