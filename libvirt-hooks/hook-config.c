/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads hook.conf.  It decides whether guests start without their VLANs being
 * looked at, so a file that others than root may write decides nothing.  What
 * is wrong with a line costs that line only, and is said on standard error,
 * which libvirt shows when a guest is refused. */

#include <config.h>
#include "libvirt-hooks/hook-config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/vnicd/hook.sock"
enum { DEFAULT_DEADLINE_MS = 3000, MIN_DEADLINE_MS = 10,
       MAX_DEADLINE_MS = 60000 };

void
hook_config_init(struct hook_config *config)
{
    *config = (struct hook_config) {
        .socket = DEFAULT_SOCKET,
        .deadline_ms = DEFAULT_DEADLINE_MS,
    };
}

/* The keys.  Each takes a value over, or returns a sentence. */

static const char *
set_fail(const char *value, struct hook_config *config)
{
    bool is_open = !strcmp(value, "open");
    if (!is_open && strcmp(value, "closed")) {
        return "fail is neither closed nor open";
    }
    config->fails_open = is_open;
    return NULL;
}

static const char *
set_deadline(const char *value, struct hook_config *config)
{
    char *end;
    errno = 0;
    long int ms = strtol(value, &end, 10);
    if (errno || end == value || *end
        || ms < MIN_DEADLINE_MS || ms > MAX_DEADLINE_MS) {
        return "deadline-ms is not a number from 10 to 60000";
    }
    config->deadline_ms = ms;
    return NULL;
}

static const char *
set_socket(const char *value, struct hook_config *config)
{
    if (value[0] != '/' || strlen(value) >= sizeof config->socket) {
        return "socket is not a path of at most 107 bytes that begins with /";
    }
    strcpy(config->socket, value);
    return NULL;
}

static const struct {
    const char *name;
    const char *(*set)(const char *value, struct hook_config *);
} keys[] = {
    { "fail", set_fail },
    { "deadline-ms", set_deadline },
    { "socket", set_socket },
};

/* Lines. */

/* Returns 's' without blanks at either end; those behind it are cut off. */
static char *
trim(char *s)
{
    static const char blanks[] = " \t\r\n";
    s += strspn(s, blanks);
    size_t len = strlen(s);
    while (len && strchr(blanks, s[len - 1])) {
        s[--len] = '\0';
    }
    return s;
}

static const char *
set_key(const char *name, const char *value, struct hook_config *config)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!strcmp(keys[i].name, name)) {
            return keys[i].set(value, config);
        }
    }
    return "the key is none of fail, deadline-ms and socket";
}

/* Takes 'line', which is changed on the way, over into 'config'.  Returns a
 * constant sentence if it makes no sense. */
const char *
hook_config_parse(char *line, struct hook_config *config)
{
    line = trim(line);
    if (!*line || *line == '#') {
        return NULL;
    }
    char *value = strchr(line, '=');
    if (!value) {
        return "the line is not KEY = VALUE";
    }
    *value++ = '\0';
    return set_key(trim(line), trim(value), config);
}

/* The file. */

/* Returns why 'file' is not to be trusted, or NULL. */
static const char *
find_distrust(FILE *file)
{
    struct stat s;
    if (fstat(fileno(file), &s)) {
        return strerror(errno);
    }
    return (!S_ISREG(s.st_mode) ? "it is not a regular file"
            : s.st_uid && s.st_uid != geteuid() ? "it does not belong to root"
            : s.st_mode & (S_IWGRP | S_IWOTH)
            ? "others than its owner may write it" : NULL);
}

static void
load_lines(const char *path, FILE *file, struct hook_config *config)
{
    char *line = NULL;
    size_t allocated = 0;
    for (int number = 1; getline(&line, &allocated, file) >= 0; number++) {
        const char *error = hook_config_parse(line, config);
        if (error) {
            fprintf(stderr, "vnicd: %s, line %d is ignored: %s\n", path,
                    number, error);
        }
    }
    if (!feof(file)) {
        fprintf(stderr, "vnicd: %s is not read to its end: %s\n", path,
                strerror(errno));
    }
    free(line);
}

/* Opens 'path' for reading, or returns NULL and sets 'errno'.  Should that be a
 * FIFO it does not wait for a writer: whether it is a file to be read is looked
 * at when it is open, and libvirt waits for the hook. */
static FILE *
open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    FILE *file = fdopen(fd, "r");
    if (!file) {
        int error = errno;
        close(fd);
        errno = error;
    }
    return file;
}

/* Takes over into 'config' what the file 'path' says, if there is one. */
void
hook_config_load(const char *path, struct hook_config *config)
{
    FILE *file = open_file(path);
    if (!file) {
        if (errno != ENOENT) {
            fprintf(stderr, "vnicd: %s is ignored: %s\n", path,
                    strerror(errno));
        }
        return;
    }
    const char *distrust = find_distrust(file);
    if (distrust) {
        fprintf(stderr, "vnicd: %s is ignored: %s\n", path, distrust);
    } else {
        load_lines(path, file, config);
    }
    fclose(file);
}
