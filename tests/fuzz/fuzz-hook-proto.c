/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer target: whatever the bytes, a frame is either refused with a
 * sentence, or it is the one that its content makes. */

#include <config.h>
#include "libvirt-hooks/hook-proto.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static void
check_size(const char *error, size_t expected, size_t size)
{
    if (error) {
        check_sentence(error);
    } else {
        ovs_assert(!expected == (size < HOOK_HEADER_BYTES));
    }
}

static void
check_event(const char *data, size_t size)
{
    struct hook_event event;
    size_t expected;
    const char *early = hook_event_check(data, size, &expected);
    const char *error = hook_event_decode(data, size, &event);

    check_size(early, expected, size);
    ovs_assert(!early || error);
    if (error) {
        check_sentence(error);
        return;
    }
    ovs_assert(expected == size && hook_event_size(&event) == size);
    char *frame = malloc(size);
    ovs_assert(frame);
    hook_event_encode(&event, frame);
    ovs_assert(!memcmp(frame, data, size));
    free(frame);
}

static void
check_verdict(const char *data, size_t size)
{
    struct hook_verdict verdict;
    size_t expected;
    const char *early = hook_verdict_check(data, size, &expected);
    const char *error = hook_verdict_decode(data, size, &verdict);

    check_size(early, expected, size);
    ovs_assert(!early || error);
    if (error) {
        check_sentence(error);
        return;
    }
    char frame[HOOK_MAX_VERDICT_BYTES];
    ovs_assert(hook_verdict_encode(&verdict, frame) == size);
    ovs_assert(!memcmp(frame, data, size));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_event((const char *) data, size);
    check_verdict((const char *) data, size);
    return 0;
}
