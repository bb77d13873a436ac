/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Frames to bytes and back.  Pure, and without any library: both ends share
 * it.
 *
 * Nothing is copied when a frame is decoded: words and sentences carry their
 * final NUL with them, so that they are strings where they lie. */

#include <config.h>
#include "libvirt-hooks/hook-proto.h"

#include <string.h>

/* The first bytes of a frame: "vnHk", the version, the kind, and how much
 * follows.  Numbers are big-endian. */
#define MAGIC "vnHk"

enum frame_kind {
    KIND_EVENT = 1,
    KIND_VERDICT = 2,
};

/* What an event holds besides its words and the XML: the patience, and a
 * length for each of them. */
#define HOOK_WORD(NAME) + 1
enum { N_WORDS = 0 HOOK_WORDS };
#undef HOOK_WORD
enum {
    MAX_EVENT_BODY = 4 + N_WORDS * (4 + HOOK_MAX_WORD_BYTES)
                     + 4 + HOOK_MAX_XML_BYTES,
    MAX_VERDICT_BODY = HOOK_MAX_VERDICT_BYTES - HOOK_HEADER_BYTES,
};

/* Writing. */

static char *
put_u16(char *p, uint16_t value)
{
    *p++ = (char) (value >> 8);
    *p++ = (char) value;
    return p;
}

static char *
put_u32(char *p, uint32_t value)
{
    return put_u16(put_u16(p, value >> 16), value & 0xffff);
}

static char *
put_bytes(char *p, const char *bytes, size_t size)
{
    p = put_u32(p, size);
    if (size) {
        memcpy(p, bytes, size);
    }
    return p + size;
}

/* How much of 's' goes into a frame, its final NUL not included. */
static size_t
word_len(const char *s)
{
    return strnlen(s, HOOK_MAX_WORD_BYTES - 1);
}

static char *
put_word(char *p, const char *s)
{
    size_t len = word_len(s);
    p = put_bytes(p, s, len);
    *p = '\0';
    (void) put_u32(p - len - 4, len + 1); /* The NUL belongs to it. */
    return p + 1;
}

static char *
put_header(char *p, enum frame_kind kind, size_t body_size)
{
    memcpy(p, MAGIC, 4);
    p = put_u16(p + 4, HOOK_PROTO_VERSION);
    p = put_u16(p, kind);
    return put_u32(p, body_size);
}

/* Reading. */

/* What is left of a frame to read. */
struct cursor {
    const char *p;
    size_t left;
};

static uint32_t
get_u16(const char *p)
{
    return (uint32_t) (unsigned char) p[0] << 8 | (unsigned char) p[1];
}

static uint32_t
get_u32(const char *p)
{
    return get_u16(p) << 16 | get_u16(p + 2);
}

static bool
take_u32(struct cursor *c, uint32_t *valuep)
{
    if (c->left < 4) {
        return false;
    }
    *valuep = get_u32(c->p);
    c->p += 4;
    c->left -= 4;
    return true;
}

static bool
take_bytes(struct cursor *c, size_t max, const char **bytesp, size_t *sizep)
{
    uint32_t size;
    if (!take_u32(c, &size) || size > max || size > c->left) {
        return false;
    }
    *bytesp = c->p;
    *sizep = size;
    c->p += size;
    c->left -= size;
    return true;
}

/* A word is a string: one NUL, at its end. */
static bool
take_word(struct cursor *c, const char **wordp)
{
    size_t size;
    return take_bytes(c, HOOK_MAX_WORD_BYTES, wordp, &size)
           && size
           && memchr(*wordp, '\0', size) == *wordp + size - 1;
}

/* Looks at the 'n' bytes at 'data', the first of a frame that has to be of
 * 'kind'.  Stores in '*sizep' the size of the whole frame, 0 as long as
 * nobody can tell.  Returns a sentence if it is no such frame. */
static const char *
check_header(const char *data, size_t n, enum frame_kind kind,
             size_t max_body, size_t *sizep)
{
    *sizep = 0;
    if (memcmp(data, MAGIC, n < 4 ? n : 4)) {
        return "this is no frame of vnicd-hook's";
    }
    if (n < HOOK_HEADER_BYTES) {
        return NULL;
    }
    if (get_u16(data + 4) != HOOK_PROTO_VERSION) {
        return "the frame is of another version of the protocol";
    }
    if (get_u16(data + 6) != kind) {
        return "the frame is of another kind";
    }
    if (get_u32(data + 8) > max_body) {
        return "the frame is too large";
    }
    *sizep = HOOK_HEADER_BYTES + get_u32(data + 8);
    return NULL;
}

/* Points 'body' to what follows the header of the 'size' bytes at 'frame', all
 * of a frame. */
static const char *
open_frame(const char *frame, size_t size, enum frame_kind kind,
           size_t max_body, struct cursor *body)
{
    size_t expected;
    const char *error = check_header(frame, size, kind, max_body, &expected);
    if (error) {
        return error;
    }
    if (!expected || size < expected) {
        return "the frame is cut off";
    }
    if (size > expected) {
        return "something follows the frame";
    }
    body->p = frame + HOOK_HEADER_BYTES;
    body->left = size - HOOK_HEADER_BYTES;
    return NULL;
}

/* Events. */

/* Returns how many bytes hook_event_encode() writes. */
size_t
hook_event_size(const struct hook_event *event)
{
    size_t size = HOOK_HEADER_BYTES + 4;
#define HOOK_WORD(NAME) size += 4 + word_len(event->NAME) + 1;
    HOOK_WORDS
#undef HOOK_WORD
    return size + 4 + event->xml_size;
}

/* Writes 'event', whose XML must not be larger than allowed, to 'frame'.  Words
 * that are too long are cut. */
void
hook_event_encode(const struct hook_event *event, char *frame)
{
    size_t body_size = hook_event_size(event) - HOOK_HEADER_BYTES;
    char *p = put_header(frame, KIND_EVENT, body_size);
    p = put_u32(p, event->patience_ms);
#define HOOK_WORD(NAME) p = put_word(p, event->NAME);
    HOOK_WORDS
#undef HOOK_WORD
    (void) put_bytes(p, event->xml, event->xml_size);
}

/* Looks at the first 'n' bytes of an event, as many as have come.  Stores in
 * '*sizep' how many there are to be in all, 0 as long as nobody can tell. */
const char *
hook_event_check(const char *data, size_t n, size_t *sizep)
{
    return check_header(data, n, KIND_EVENT, MAX_EVENT_BODY, sizep);
}

/* Stores in 'event' what the 'size' bytes at 'frame', all of them, say.  It
 * points into 'frame'.  On failure its content is of no use. */
const char *
hook_event_decode(const char *frame, size_t size, struct hook_event *event)
{
    struct cursor c;
    const char *error = open_frame(frame, size, KIND_EVENT, MAX_EVENT_BODY,
                                   &c);
    if (error) {
        return error;
    }
    if (!take_u32(&c, &event->patience_ms)) {
        return "the frame has no patience";
    }
#define HOOK_WORD(NAME)                         \
    if (!take_word(&c, &event->NAME)) {         \
        return "the frame has no " #NAME;       \
    }
    HOOK_WORDS
#undef HOOK_WORD
    if (!take_bytes(&c, HOOK_MAX_XML_BYTES, &event->xml, &event->xml_size)) {
        return "the frame has no XML";
    }
    return c.left ? "something follows the XML" : NULL;
}

/* Verdicts. */

/* Writes 'verdict' to 'frame' and returns how many bytes that took.  A sentence
 * that is too long is cut. */
size_t
hook_verdict_encode(const struct hook_verdict *verdict,
                    char frame[HOOK_MAX_VERDICT_BYTES])
{
    size_t body_size = 4 + 4 + word_len(verdict->sentence) + 1;
    char *p = put_header(frame, KIND_VERDICT, body_size);
    p = put_u32(p, verdict->code);
    (void) put_word(p, verdict->sentence);
    return HOOK_HEADER_BYTES + body_size;
}

/* As hook_event_check(). */
const char *
hook_verdict_check(const char *data, size_t n, size_t *sizep)
{
    return check_header(data, n, KIND_VERDICT, MAX_VERDICT_BODY, sizep);
}

/* As hook_event_decode(). */
const char *
hook_verdict_decode(const char *frame, size_t size,
                    struct hook_verdict *verdict)
{
    struct cursor c;
    uint32_t code;
    const char *error = open_frame(frame, size, KIND_VERDICT,
                                   MAX_VERDICT_BODY, &c);
    if (error) {
        return error;
    }
    if (!take_u32(&c, &code) || code >= N_HOOK_CODES) {
        return "the verdict is none that we know";
    }
    verdict->code = code;
    if (!take_word(&c, &verdict->sentence)) {
        return "the verdict has no sentence";
    }
    return c.left ? "something follows the sentence" : NULL;
}
