/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of libvirt-hooks/hook-proto.c. */

#include <config.h>
#include "libvirt-hooks/hook-proto.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

/* Helpers. */

static const struct hook_event example = {
    .patience_ms = 3000,
    .driver = "qemu",
    .object = "web1",
    .operation = "start",
    .sub_operation = "begin",
    .extra = "-",
    .xml = "<domain/>",
    .xml_size = 9,
};

/* Returns 'event' as a frame, for the caller to free. */
static char *
encode(const struct hook_event *event, size_t *sizep)
{
    *sizep = hook_event_size(event);
    char *frame = malloc(*sizep);
    assert_non_null(frame);
    hook_event_encode(event, frame);
    return frame;
}

static void
assert_same_event(const struct hook_event *a, const struct hook_event *b)
{
    assert_int_equal(a->patience_ms, b->patience_ms);
#define HOOK_WORD(NAME) assert_string_equal(a->NAME, b->NAME);
    HOOK_WORDS
#undef HOOK_WORD
    assert_int_equal(a->xml_size, b->xml_size);
    assert_memory_equal(a->xml, b->xml, a->xml_size);
}

/* Asserts that the frame of 'example', with 'byte' at 'offset', is refused with
 * 'sentence'. */
static void
assert_spoilt(size_t offset, char byte, const char *sentence)
{
    struct hook_event event;
    size_t size;
    char *frame = encode(&example, &size);
    frame[offset] = byte;
    assert_string_equal(hook_event_decode(frame, size, &event), sentence);
    free(frame);
}

/* Events. */

static void
test_event(void **state)
{
    struct hook_event event;
    size_t size;
    char *frame = encode(&example, &size);
    assert_null(hook_event_decode(frame, size, &event));
    assert_same_event(&event, &example);
    free(frame);
}

static void
test_event_with_nothing_in_it(void **state)
{
    static const struct hook_event nothing = {
        .driver = "", .object = "", .operation = "", .sub_operation = "",
        .extra = "", .xml = NULL,
    };
    struct hook_event event;
    size_t size;
    char *frame = encode(&nothing, &size);
    assert_null(hook_event_decode(frame, size, &event));
    assert_string_equal(event.object, "");
    assert_int_equal(event.xml_size, 0);
    free(frame);
}

/* The largest XML that is allowed, and one byte more. */
static void
test_event_limits(void **state)
{
    size_t allowed = HOOK_MAX_XML_BYTES;
    char *xml = calloc(1, allowed + 1);
    assert_non_null(xml);
    for (size_t xml_size = allowed; xml_size <= allowed + 1; xml_size++) {
        struct hook_event large = example, event;
        large.xml = xml;
        large.xml_size = xml_size;
        size_t size;
        char *frame = encode(&large, &size);
        const char *error = hook_event_decode(frame, size, &event);
        if (xml_size == allowed) {
            assert_null(error);
            assert_same_event(&event, &large);
        } else {
            assert_string_equal(error, "the frame has no XML");
        }
        free(frame);
    }
    free(xml);
}

/* libvirt has no limit for the name of a domain. */
static void
test_long_words_are_cut(void **state)
{
    char name[HOOK_MAX_WORD_BYTES + 10];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';

    struct hook_event named = example, event;
    named.object = name;
    size_t size;
    char *frame = encode(&named, &size);
    assert_null(hook_event_decode(frame, size, &event));
    assert_int_equal(strlen(event.object), HOOK_MAX_WORD_BYTES - 1);
    assert_string_equal(event.operation, "start");
    free(frame);
}

/* As the bytes come in, nobody is told anything wrong. */
static void
test_event_in_pieces(void **state)
{
    size_t size;
    char *frame = encode(&example, &size);
    for (size_t n = 0; n < size; n++) {
        struct hook_event event;
        size_t expected;
        assert_null(hook_event_check(frame, n, &expected));
        assert_int_equal(expected, n < HOOK_HEADER_BYTES ? 0 : size);
        assert_string_equal(hook_event_decode(frame, n, &event),
                            "the frame is cut off");
    }
    free(frame);
}

static void
test_malformed_events(void **state)
{
    assert_spoilt(0, 'V', "this is no frame of vnicd-hook's");
    assert_spoilt(5, 2, "the frame is of another version of the protocol");
    assert_spoilt(7, 2, "the frame is of another kind");
    assert_spoilt(8, 1, "the frame is too large");
    assert_spoilt(11, 1, "something follows the frame");

    /* A word without its NUL, with one too many, and of no length at all. */
    assert_spoilt(24, 'x', "the frame has no driver");
    assert_spoilt(21, '\0', "the frame has no driver");
    assert_spoilt(19, 0, "the frame has no driver");
    assert_spoilt(16, 1, "the frame has no driver");
    assert_spoilt(28, 100, "the frame has no object");
}

static void
test_event_with_something_behind(void **state)
{
    struct hook_event event;
    size_t size;
    char *frame = encode(&example, &size);
    frame[size - example.xml_size - 1]--; /* A shorter XML. */
    assert_string_equal(hook_event_decode(frame, size, &event),
                        "something follows the XML");
    free(frame);
}

/* Verdicts. */

static void
test_verdicts(void **state)
{
    for (enum hook_code code = 0; code < N_HOOK_CODES; code++) {
        struct hook_verdict verdict = { code, code ? "because" : "" };
        struct hook_verdict decoded;
        char frame[HOOK_MAX_VERDICT_BYTES];
        size_t size = hook_verdict_encode(&verdict, frame);
        size_t expected;

        assert_null(hook_verdict_check(frame, size, &expected));
        assert_int_equal(expected, size);
        assert_null(hook_verdict_decode(frame, size, &decoded));
        assert_int_equal(decoded.code, code);
        assert_string_equal(decoded.sentence, verdict.sentence);
    }
}

static void
test_long_sentence_is_cut(void **state)
{
    char sentence[2 * HOOK_MAX_WORD_BYTES];
    memset(sentence, 's', sizeof sentence - 1);
    sentence[sizeof sentence - 1] = '\0';

    struct hook_verdict verdict = { HOOK_REFUSE, sentence }, decoded;
    char frame[HOOK_MAX_VERDICT_BYTES];
    size_t size = hook_verdict_encode(&verdict, frame);
    assert_int_equal(size, sizeof frame);
    assert_null(hook_verdict_decode(frame, size, &decoded));
    assert_int_equal(strlen(decoded.sentence), HOOK_MAX_WORD_BYTES - 1);
}

static void
test_malformed_verdicts(void **state)
{
    struct hook_verdict verdict = { HOOK_PASS, "" }, decoded;
    char frame[HOOK_MAX_VERDICT_BYTES];
    size_t size = hook_verdict_encode(&verdict, frame);

    assert_string_equal(hook_verdict_decode(frame, size - 1, &decoded),
                        "the frame is cut off");
    frame[size - 1] = 'x';
    assert_string_equal(hook_verdict_decode(frame, size, &decoded),
                        "the verdict has no sentence");
    frame[15] = N_HOOK_CODES;
    assert_string_equal(hook_verdict_decode(frame, size, &decoded),
                        "the verdict is none that we know");
    frame[7] = 1;
    assert_string_equal(hook_verdict_decode(frame, size, &decoded),
                        "the frame is of another kind");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_event_with_nothing_in_it),
        cmocka_unit_test(test_event_limits),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_event_in_pieces),
        cmocka_unit_test(test_malformed_events),
        cmocka_unit_test(test_event_with_something_behind),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_long_sentence_is_cut),
        cmocka_unit_test(test_malformed_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
