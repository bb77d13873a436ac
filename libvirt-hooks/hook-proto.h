/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVIRT_HOOKS_HOOK_PROTO_H
#define LIBVIRT_HOOKS_HOOK_PROTO_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What vnicd-hook and the agent say to each other: one event, one verdict, on
 * a connection of their own.  See doc/hook-protocol.md. */

#define HOOK_PROTO_VERSION 1

/* A frame that claims to be larger is refused unread. */
#define HOOK_MAX_XML_BYTES (4 * 1024 * 1024)
#define HOOK_MAX_WORD_BYTES 4096 /* The final NUL included. */
#define HOOK_HEADER_BYTES 12

/* The words with which libvirt runs a hook, and which one it runs. */
#define HOOK_WORDS                              \
    HOOK_WORD(driver)                           \
    HOOK_WORD(object)                           \
    HOOK_WORD(operation)                        \
    HOOK_WORD(sub_operation)                    \
    HOOK_WORD(extra)

/* What libvirt tells a hook. */
struct hook_event {
    uint32_t patience_ms;       /* How long the verdict is waited for. */
#define HOOK_WORD(NAME) const char *NAME;
    HOOK_WORDS
#undef HOOK_WORD
    const char *xml;            /* Without final NUL; what libvirt writes to
                                 * standard input. */
    size_t xml_size;
};

enum hook_code {
    HOOK_PASS,                  /* Nothing is known to be wrong. */
    HOOK_REFUSE,                /* The guest must not start. */
    HOOK_UNABLE,                /* The agent could not do its part. */
    N_HOOK_CODES,
};

/* What the agent answers. */
struct hook_verdict {
    enum hook_code code;
    const char *sentence;       /* Why; "" where nothing is to be said. */
};

#define HOOK_MAX_VERDICT_BYTES (HOOK_HEADER_BYTES + 8 + HOOK_MAX_WORD_BYTES)

/* Each sentence returned is a constant, NULL for success. */

size_t hook_event_size(const struct hook_event *);
void hook_event_encode(const struct hook_event *, char *frame);
const char *hook_event_check(const char *data, size_t n, size_t *sizep);
const char *hook_event_decode(const char *frame, size_t size,
                              struct hook_event *);

size_t hook_verdict_encode(const struct hook_verdict *,
                           char frame[HOOK_MAX_VERDICT_BYTES]);
const char *hook_verdict_check(const char *data, size_t n, size_t *sizep);
const char *hook_verdict_decode(const char *frame, size_t size,
                                struct hook_verdict *);

#endif /* libvirt-hooks/hook-proto.h */
