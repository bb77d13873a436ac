/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/golden.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit.h"
#include "util.h"

/* Returns what is in the file 'path', for the caller to free. */
char *
golden_read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        fail_msg("%s: %s", path, ovs_strerror(errno));
    }
    struct ds s = DS_EMPTY_INITIALIZER;
    int c;
    while ((c = getc(file)) != EOF) {
        ds_put_char(&s, c);
    }
    fclose(file);
    return ds_steal_cstr(&s);
}

/* Fails unless the file 'path' is 'actual'. */
void
golden_compare(const char *path, const char *actual)
{
    if (getenv("VNICD_REGENERATE")) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(actual, file);
        assert_int_equal(fclose(file), 0);
        return;
    }
    CLEANUP_FREE char *expected = golden_read_file(path);
    if (strcmp(actual, expected)) {
        fail_msg("%s is not what follows now:\n%s", path, actual);
    }
}

/* Calls 'run' for each scenario below tests/'folder', of which there must be
 * one at least. */
void
golden_for_each(const char *folder, void (*run)(const char *path))
{
    const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
    CLEANUP_FREE char *all = xasprintf("%s/tests/%s", srcdir, folder);
    DIR *dir = opendir(all);
    assert_non_null(dir);

    struct dirent *entry;
    int n = 0;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            CLEANUP_FREE char *path = xasprintf("%s/%s", all, entry->d_name);
            print_message("scenario %s\n", entry->d_name);
            run(path);
            n++;
        }
    }
    closedir(dir);
    assert_true(n > 0);
}
