/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of libvirt-hooks/hook-config.c; files that can be read are in the
 * integration tests. */

#include <config.h>
#include "libvirt-hooks/hook-config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit.h"

/* Takes 'line' over into 'config' and returns the sentence. */
static const char *
parse(const char *line, struct hook_config *config)
{
    char buffer[512];
    assert_true(strlen(line) < sizeof buffer);
    strcpy(buffer, line);
    return hook_config_parse(buffer, config);
}

static void
test_defaults(void **state)
{
    struct hook_config config;
    hook_config_init(&config);
    assert_string_equal(config.socket, "/run/vnicd/hook.sock");
    assert_false(config.fails_open);
    assert_int_equal(config.deadline_ms, 3000);
}

static void
test_keys(void **state)
{
    struct hook_config config;
    hook_config_init(&config);
    assert_null(parse("fail = open\n", &config));
    assert_true(config.fails_open);
    assert_null(parse("  fail=closed  \r\n", &config));
    assert_false(config.fails_open);
    assert_null(parse("deadline-ms = 250", &config));
    assert_int_equal(config.deadline_ms, 250);
    assert_null(parse("socket=/run/elsewhere.sock", &config));
    assert_string_equal(config.socket, "/run/elsewhere.sock");
}

static void
test_lines_that_say_nothing(void **state)
{
    struct hook_config config;
    hook_config_init(&config);
    assert_null(parse("", &config));
    assert_null(parse(" \t\n", &config));
    assert_null(parse("  # fail = open\n", &config));
    assert_false(config.fails_open);
}

static void
test_mistakes_change_nothing(void **state)
{
    static const struct {
        const char *line;
        const char *sentence;
    } mistakes[] = {
        { "fail open", "the line is not KEY = VALUE" },
        { "fail =", "fail is neither closed nor open" },
        { "fail = Open", "fail is neither closed nor open" },
        { "Fail = open",
          "the key is none of fail, deadline-ms and socket" },
        { "deadline-ms = 9",
          "deadline-ms is not a number from 10 to 60000" },
        { "deadline-ms = 60001",
          "deadline-ms is not a number from 10 to 60000" },
        { "deadline-ms = 3s",
          "deadline-ms is not a number from 10 to 60000" },
        { "deadline-ms =",
          "deadline-ms is not a number from 10 to 60000" },
        { "socket = hook.sock", "socket is not a path of at most 107 bytes "
                                "that begins with /" },
    };
    struct hook_config config;
    hook_config_init(&config);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        assert_string_equal(parse(mistakes[i].line, &config),
                            mistakes[i].sentence);
    }
    assert_false(config.fails_open);
    assert_int_equal(config.deadline_ms, 3000);
    assert_string_equal(config.socket, "/run/vnicd/hook.sock");
}

static void
test_long_paths(void **state)
{
    struct hook_config config;
    hook_config_init(&config);
    char line[256] = "socket = ";
    size_t len = strlen(line);
    memset(line + len, '/', HOOK_MAX_PATH_BYTES);
    assert_non_null(parse(line, &config));
    line[strlen(line) - 1] = '\0';
    assert_null(parse(line, &config));
    assert_int_equal(strlen(config.socket), HOOK_MAX_PATH_BYTES - 1);
}

/* Nobody may ever write to it, and libvirt waits for the hook. */
static void
test_fifo_is_not_waited_for(void **state)
{
    enum { FAR_TOO_LONG_S = 10 };
    char dir[] = "/tmp/test-hook-config.XXXXXX";
    char path[sizeof dir + sizeof "/fifo"];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);

    struct hook_config config;
    hook_config_init(&config);
    alarm(FAR_TOO_LONG_S);
    hook_config_load(path, &config);
    alarm(0);
    assert_string_equal(config.socket, "/run/vnicd/hook.sock");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_lines_that_say_nothing),
        cmocka_unit_test(test_mistakes_change_nothing),
        cmocka_unit_test(test_long_paths),
        cmocka_unit_test(test_fifo_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
