/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_VENDOR_H
#define CONTROL_IKE_IKE_VENDOR_H

/** Vendor ids (RFC 7296, 3.12) in words, for `show`: nothing is done because of one. */
#include "control/ike/ike_wire.h"

/**
 * Names of known ones, text where they are text, else hexadecimal, by commas; each cut to 32
 * characters, those that do not fit left out. All are printable ASCII. "" when there is none.
 */
void ike_vendors_print(const struct ike_payloads *p, char *out, size_t n);

#endif
