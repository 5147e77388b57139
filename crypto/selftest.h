/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_SELFTEST_H
#define CRYPTO_SELFTEST_H

/**
 * Start the libraries and run a known-answer test of every algorithm (well under
 * 50 ms). Call once, before any other thread exists and any other call of crypto/.
 * Returns NULL when all passed, otherwise the name of the first that failed.
 */
const char *crypto_selftest(void);

#endif
