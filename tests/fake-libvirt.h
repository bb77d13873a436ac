/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_LIBVIRT_H
#define TESTS_FAKE_LIBVIRT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virt/virt-conn.h"

struct domain;
struct uuid;
struct virt_job;
struct virt_marks;

/* A libvirt of our own, with one connection to it, a pool that does one job at
 * a time, when the test says so, and a clock. */

#define MAX_DOMAINS 600

struct virt_link {
    struct virt_marks *marks;
};

struct fake_domain {
    bool exists;
    bool is_active;
    bool is_refused;            /* Its XML cannot be used. */
    bool has_network;           /* Its only interface is on that network. */
    const char *error;          /* It cannot be read now. */
};

struct fake {
    /* What it answers. */
    const char *open_error;
    const char *list_error;
    const char *network_error;
    int network_tag;            /* Of its only network; 0: it has none. */
    bool is_network_inactive;
    bool is_network_unreadable;
    bool is_dead;
    struct fake_domain domains[MAX_DOMAINS];

    /* What it saw. */
    struct virt_link *link;     /* The open one, or NULL. */
    unsigned int n_opens;
    unsigned int n_lists;
    unsigned int n_network_reads;
    unsigned int n_closes;
    uint32_t reads[MAX_DOMAINS]; /* Numbers of the domains read. */
    size_t n_reads;
};
extern struct fake fake;

extern struct virt_job *job;    /* That the pool was given, or NULL. */
extern unsigned int n_wakes;
extern struct virt_conn *conn;  /* Under test. */
extern long long int now;

int fake_libvirt_set_up(void **state);
int fake_libvirt_tear_down(void **state);

void finish_job(void);
void turn(void);
void settle(void);
void advance(void);

struct uuid make_uuid(uint32_t number);
const struct domain *find(uint32_t number);
void read_domain(uint32_t number);
void mark(uint32_t number);
void create_domains(uint32_t first, uint32_t last);
void sync_with(uint32_t n);

void assert_state(enum virt_state, const char *error);

#define FAKE_LIBVIRT_TEST(NAME)                                         \
    cmocka_unit_test_setup_teardown(NAME, fake_libvirt_set_up,          \
                                    fake_libvirt_tear_down)

#endif /* tests/fake-libvirt.h */
