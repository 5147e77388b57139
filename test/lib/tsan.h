/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_TSAN_H
#define TEST_LIB_TSAN_H

/**
 * Put in front of every file when built with -Db_sanitize=thread: DPDK's rings in a form
 * the sanitizer follows. On x86 they are plain stores; in their C11 form one producer waits
 * for the one before it by a relaxed load, which orders nothing in the language's terms.
 * Our own atomics keep the order they name.
 */
#if __has_include(<rte_ring.h>)
#include <stdatomic.h>

#include <rte_config.h>
#include <rte_common.h>

#define RTE_USE_C11_MEM_MODEL
#undef __ATOMIC_RELAXED
#define __ATOMIC_RELAXED __ATOMIC_SEQ_CST
#include <rte_ring.h>
#undef __ATOMIC_RELAXED
#define __ATOMIC_RELAXED 0
#endif

#endif
