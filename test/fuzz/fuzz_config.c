/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Any octets: loaded whole, or refused with a reason; what loads equals itself. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct config_errors errors;
	struct config *c = NULL;
	int err = config_load_buffer((const char *)data, bytes, NULL, &c, &errors);

	if ((err == 0) != (c != NULL) || (err != 0 && errors.count == 0))
		abort();
	if (c != NULL && config_diff(c, c, NULL, 0) != 0)
		abort();
	config_errors_free(&errors);
	config_free(c);
	return 0;
}
