/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/text.h"

#include <locale.h>

#include "tests/unit.h"
#include "util.h"

static void
test_controls_are_replaced(void **state)
{
    assert_string_taken(text_printable("a\033[m\302\205\342\200\256z"),
                        "a?[m??z");
    assert_string_taken(text_printable("B\303\274ro"), "B\303\274ro");
}

static void
test_cut_is_between_characters(void **state)
{
    const char *text = "B\303\274ro \360\237\230\200";
    static const size_t sizes[] = { 0, 1, 1, 3, 4, 5, 6, 6, 6, 6, 10, 10 };
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_int_equal(text_cut(text, i), sizes[i]);
    }
    assert_int_equal(text_cut("\200\200\200", 2), 0);
}

static void
test_excerpts_tell_that_they_are_some(void **state)
{
    assert_string_taken(text_excerpt("B\303\274ro", 5), "B\303\274ro");
    assert_string_taken(text_excerpt("B\303\274ro", 4), "B\303\274r...");
    assert_string_taken(text_excerpt("B\303\274ro", 2), "B...");
    assert_string_taken(text_excerpt("a\033[m", 3), "a?[...");
    assert_string_taken(text_excerpt("", 3), "");
}

static void
test_joining(void **state)
{
    assert_null(text_join(NULL, NULL));
    assert_string_taken(text_join(xstrdup("a"), NULL), "a");
    assert_string_taken(text_join(NULL, xstrdup("b")), "b");
    assert_string_taken(text_join(xstrdup("a"), xstrdup("b")), "a; b");
}

static void
test_width(void **state)
{
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        { "", 0 },
        { "web1", 4 },
        { "B\303\274ro", 4 },                    /* Two bytes. */
        { "cafe\314\201", 4 },                   /* A combining accent. */
        { "\346\235\261\344\272\254", 4 },      /* Two columns each. */
        { "\360\237\230\200!", 3 },             /* Beyond 16 bits. */
        { "a\377b", 3 },                         /* No character. */
        { "a\303", 2 },                          /* Half a character. */
        { "\303a", 2 },
        { "\364\217\277\277", 1 },              /* Not assigned. */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(text_width(cases[i].text), cases[i].width);
    }
}

/* Whatever the locale of the process, which stays. */
static void
test_width_in_any_locale(void **state)
{
    assert_string_equal(setlocale(LC_ALL, NULL), "C");
    assert_int_equal(text_width("B\303\274ro"), 4);
    assert_string_equal(setlocale(LC_ALL, NULL), "C");
    assert_true(uselocale(NULL) == LC_GLOBAL_LOCALE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_controls_are_replaced),
        cmocka_unit_test(test_cut_is_between_characters),
        cmocka_unit_test(test_excerpts_tell_that_they_are_some),
        cmocka_unit_test(test_joining),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_width_in_any_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
