/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cert_context.h"

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <string.h>
#include <threads.h>

#define KINDS 4

/* Of keys that sign_key_of() takes, as providers call them. */
static const char *const kinds[KINDS] = { "RSA", "RSA-PSS", "EC", "ED25519" };

static OSSL_PROVIDER *whole; /* the default provider, which does the work */
static OSSL_ALGORITHM decoders[KINDS + 1], keys[KINDS + 1];
static OSSL_LIB_CTX *context;

static bool
wanted(const OSSL_ALGORITHM *a)
{
	size_t name = strcspn(a->algorithm_names, ":");

	for (size_t i = 0; i < KINDS; i++)
		if (strlen(kinds[i]) == name && strncmp(a->algorithm_names, kinds[i], name) == 0)
			return true;
	return false;
}

/** What the default provider has for our kinds of keys. */
static bool
choose(int operation, const char *property, OSSL_ALGORITHM chosen[KINDS + 1])
{
	int no_cache;
	size_t n = 0;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(whole, operation, &no_cache);

	for (; a != NULL && a->algorithm_names != NULL && n < KINDS; a++)
		if (wanted(a) && strstr(a->property_definition, property) != NULL)
			chosen[n++] = *a;
	return n == KINDS;
}

static const OSSL_ALGORITHM *
query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_DECODER:
		return decoders;
	case OSSL_OP_KEYMGMT:
		return keys;
	case OSSL_OP_DIGEST:
	case OSSL_OP_SIGNATURE:
		return OSSL_PROVIDER_query_operation(whole, operation, no_cache);
	default:
		return NULL;
	}
}

/** The default provider's own state goes with its functions. */
static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
	void **provctx)
{
	static const OSSL_DISPATCH ours[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL },
	};

	(void)handle;
	(void)in;
	*out = ours;
	*provctx = OSSL_PROVIDER_get0_provider_ctx(whole);
	return 1;
}

static void
make(void)
{
	OSSL_LIB_CTX *made = NULL;

	whole = OSSL_PROVIDER_load(NULL, "default");
	if (whole != NULL && choose(OSSL_OP_KEYMGMT, "", keys) &&
		choose(OSSL_OP_DECODER, "input=der,structure=SubjectPublicKeyInfo", decoders))
		made = OSSL_LIB_CTX_new();
	if (made != NULL && OSSL_PROVIDER_add_builtin(made, "certificates", provider_init) &&
		OSSL_PROVIDER_load(made, "certificates") != NULL)
		context = made;
	else
		OSSL_LIB_CTX_free(made);
	ERR_clear_error();
}

OSSL_LIB_CTX *
cert_context(void)
{
	static once_flag once = ONCE_FLAG_INIT;

	call_once(&once, make);
	return context;
}
