/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "virt/read-queue.h"

#include <limits.h>

#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

static struct uuid
make_uuid(uint32_t number)
{
    return (struct uuid) { .parts = { [3] = number } };
}

static void
add(struct read_queue *queue, uint32_t number, bool is_urgent,
    long long int now)
{
    struct uuid uuid = make_uuid(number);
    read_queue_add(queue, &uuid, is_urgent, now);
}

/* Takes the requests that are due and asserts that they are those for
 * 'expected', which ends with 0. */
static void
assert_taken(struct read_queue *queue, bool is_urgent, long long int now,
             const uint32_t *expected)
{
    struct ovs_list taken = OVS_LIST_INITIALIZER(&taken);
    size_t n = read_queue_take(queue, is_urgent, SIZE_MAX, now, &taken);
    assert_int_equal(n, ovs_list_size(&taken));

    struct read_request *request;
    LIST_FOR_EACH_POP (request, list_node, &taken) {
        assert_int_equal(request->uuid.parts[3], *expected++);
        assert_int_equal(request->is_urgent, is_urgent);
        read_request_destroy(request);
    }
    assert_int_equal(*expected, 0);
}

#define ASSERT_TAKEN(QUEUE, IS_URGENT, NOW, ...)                        \
    assert_taken(QUEUE, IS_URGENT, NOW, (const uint32_t[]) { __VA_ARGS__, 0 })
#define ASSERT_NONE(QUEUE, IS_URGENT, NOW)                      \
    assert_taken(QUEUE, IS_URGENT, NOW, (const uint32_t[]) { 0 })

/* Takes the one request that is due. */
static struct read_request *
take_one(struct read_queue *queue, bool is_urgent, long long int now)
{
    struct ovs_list taken = OVS_LIST_INITIALIZER(&taken);
    assert_int_equal(read_queue_take(queue, is_urgent, 1, now, &taken), 1);
    return CONTAINER_OF(ovs_list_pop_front(&taken), struct read_request,
                        list_node);
}

static void
test_first_come_first_served(void **state OVS_UNUSED)
{
    struct read_queue queue;
    read_queue_init(&queue);
    add(&queue, 3, false, 10);
    add(&queue, 1, false, 20);
    add(&queue, 2, false, 30);
    add(&queue, 3, false, 40);
    assert_int_equal(read_queue_asked_ms(&queue), 10);
    assert_int_equal(read_queue_due_ms(&queue, false), 10);
    assert_int_equal(read_queue_due_ms(&queue, true), LLONG_MAX);
    ASSERT_TAKEN(&queue, false, 50, 3, 1, 2);
    ASSERT_NONE(&queue, false, 50);
    assert_int_equal(read_queue_asked_ms(&queue), LLONG_MAX);
    read_queue_destroy(&queue);
}

static void
test_take_is_limited(void **state OVS_UNUSED)
{
    struct read_queue queue;
    read_queue_init(&queue);
    for (uint32_t i = 1; i <= 3; i++) {
        add(&queue, i, false, 0);
    }
    struct read_request *first = take_one(&queue, false, 0);
    assert_int_equal(first->uuid.parts[3], 1);
    read_request_destroy(first);
    ASSERT_TAKEN(&queue, false, 0, 2, 3);
    read_queue_destroy(&queue);
}

static void
test_urgent_requests(void **state OVS_UNUSED)
{
    struct read_queue queue;
    read_queue_init(&queue);
    add(&queue, 1, false, 10);
    add(&queue, 2, true, 20);
    add(&queue, 1, true, 30);   /* Becomes urgent. */
    add(&queue, 2, false, 40);  /* Stays urgent. */
    assert_int_equal(read_queue_asked_ms(&queue), 10);
    ASSERT_NONE(&queue, false, 50);
    ASSERT_TAKEN(&queue, true, 50, 2, 1);
    read_queue_destroy(&queue);
}

static void
test_put_back_waits(void **state OVS_UNUSED)
{
    struct read_queue queue;
    read_queue_init(&queue);
    add(&queue, 1, false, 10);
    struct read_request *request = take_one(&queue, false, 10);
    request->is_answered = true;
    request->error = xstrdup("timed out");
    read_queue_put_back(&queue, request, 1010);
    assert_int_equal(read_queue_asked_ms(&queue), 10);
    assert_int_equal(read_queue_due_ms(&queue, false), 1010);
    ASSERT_NONE(&queue, false, 1009);

    add(&queue, 1, false, 20);  /* No reason not to wait. */
    ASSERT_NONE(&queue, false, 1009);
    request = take_one(&queue, false, 1010);
    assert_false(request->is_answered);
    assert_null(request->error);
    read_queue_put_back(&queue, request, 2010);

    add(&queue, 1, true, 1020); /* Will not wait. */
    ASSERT_TAKEN(&queue, true, 1020, 1);
    read_queue_destroy(&queue);
}

static void
test_put_back_meets_newer(void **state OVS_UNUSED)
{
    struct read_queue queue;
    read_queue_init(&queue);
    add(&queue, 1, false, 10);
    struct read_request *request = take_one(&queue, false, 10);
    add(&queue, 1, true, 20);
    assert_int_equal(read_queue_asked_ms(&queue), 20);
    read_queue_put_back(&queue, request, 1010);
    assert_int_equal(read_queue_asked_ms(&queue), 10);
    ASSERT_NONE(&queue, true, 1009);
    ASSERT_TAKEN(&queue, true, 1010, 1);
    ASSERT_NONE(&queue, false, 1010);
    read_queue_destroy(&queue);
}

static void
test_destroy_frees_what_waits(void **state OVS_UNUSED)
{
    struct read_queue queue;
    read_queue_init(&queue);
    add(&queue, 1, false, 0);
    add(&queue, 2, true, 0);
    read_queue_destroy(&queue);
    read_request_destroy(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_come_first_served),
        cmocka_unit_test(test_take_is_limited),
        cmocka_unit_test(test_urgent_requests),
        cmocka_unit_test(test_put_back_waits),
        cmocka_unit_test(test_put_back_meets_newer),
        cmocka_unit_test(test_destroy_frees_what_waits),
    };
    return cmocka_run_group_tests_name("read-queue", tests, NULL, NULL);
}
