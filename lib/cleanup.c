/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/cleanup.h"

#include <stdlib.h>

/* The handler behind CLEANUP_FREE: 'p' points to the pointer to free. */
void
cleanup_free(void *p)
{
    void **ptr = p;
    free(*ptr);
}
