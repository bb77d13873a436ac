/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "flows/switch-control.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jsonrpc.h"
#include "lib/cleanup.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "stream.h"
#include "tests/unit.h"
#include "timeval.h"
#include "util.h"

#define TIMEOUT_MS 10000
#define MAX_REQUESTS 20

/* What ovs-vswitchd is to its clients. */
static struct peer {
    char *dir, *pidfile, *socket;
    struct pstream *listener;
    struct jsonrpc *rpc;        /* NULL: nobody is connected. */
    struct jsonrpc_msg *asked[MAX_REQUESTS]; /* Not answered yet. */
    size_t n_asked;
} peer;

static struct switch_control *control;

static void
write_pidfile(const char *text)
{
    FILE *file = fopen(peer.pidfile, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int
setup(void **state)
{
    char dir[] = "/tmp/switch-control-XXXXXX";
    assert_non_null(mkdtemp(dir));
    peer = (struct peer) {
        .dir = xstrdup(dir),
        .pidfile = xasprintf("%s/ovs-vswitchd.pid", dir),
        .socket = xasprintf("%s/ovs-vswitchd.77.ctl", dir),
    };
    CLEANUP_FREE char *name = xasprintf("punix:%s", peer.socket);
    assert_int_equal(pstream_open(name, &peer.listener, 0), 0);
    write_pidfile("77\n");
    control = switch_control_create(dir);
    return 0;
}

static void
hang_up(void)
{
    jsonrpc_close(peer.rpc);
    peer.rpc = NULL;
    for (size_t i = 0; i < peer.n_asked; i++) {
        jsonrpc_msg_destroy(peer.asked[i]);
    }
    peer.n_asked = 0;
}

static void
stop_listening(void)
{
    pstream_close(peer.listener);
    peer.listener = NULL;
}

static int
teardown(void **state)
{
    switch_control_destroy(control);
    hang_up();
    stop_listening();
    (void) unlink(peer.pidfile); /* A test may have. */
    assert_int_equal(rmdir(peer.dir), 0);
    free(peer.dir);
    free(peer.pidfile);
    free(peer.socket);
    return 0;
}

static void
run_peer(void)
{
    struct stream *stream;
    if (!peer.rpc && peer.listener
        && !pstream_accept(peer.listener, &stream)) {
        peer.rpc = jsonrpc_open(stream);
    }
    struct jsonrpc_msg *msg;
    if (peer.rpc) {
        jsonrpc_run(peer.rpc);
    }
    while (peer.rpc && !jsonrpc_recv(peer.rpc, &msg)) {
        assert_true(peer.n_asked < MAX_REQUESTS);
        peer.asked[peer.n_asked++] = msg;
    }
    if (peer.rpc && jsonrpc_get_status(peer.rpc)) {
        hang_up();
    }
}

static void
wait_for_peer(void)
{
    if (peer.rpc) {
        jsonrpc_wait(peer.rpc);
        jsonrpc_recv_wait(peer.rpc);
    } else if (peer.listener) {
        pstream_wait(peer.listener);
    }
}

/* Lets both sides run until 'condition()' is true. */
static void
run_until(bool (*condition)(const void *), const void *aux)
{
    long long int deadline = time_msec() + TIMEOUT_MS;
    for (;;) {
        switch_control_run(control, time_msec());
        run_peer();
        if (condition(aux)) {
            return;
        }
        assert_true(time_msec() < deadline);
        switch_control_wait(control);
        wait_for_peer();
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

static bool
is_done(const void *request)
{
    return switch_request_is_done(request);
}

static bool
were_asked(const void *n)
{
    return peer.n_asked == *(const size_t *) n;
}

static bool
is_alone(const void *aux OVS_UNUSED)
{
    return !peer.rpc;
}

static void
answer(size_t i, struct json *json, bool is_error)
{
    struct jsonrpc_msg *(*create)(struct json *, const struct json *)
        = is_error ? jsonrpc_create_error : jsonrpc_create_reply;
    assert_int_equal(jsonrpc_send(peer.rpc, create(json, peer.asked[i]->id)),
                     0);
}

static struct switch_request *
ask(const char *word)
{
    const char *const args[] = { "br0", word };
    return switch_control_ask(control, "ofproto/trace", args, 2, time_msec());
}

static void
assert_error(struct switch_request *request, const char *expected)
{
    assert_true(switch_request_is_done(request));
    assert_null(switch_request_reply(request));
    CLEANUP_FREE char *error = switch_request_error(request);
    assert_non_null(error);
    assert_string_equal(error, expected);
    switch_request_destroy(request);
}

/* As assert_error(), for what is wrong with a file: 'format' is the sentence,
 * a dollar sign in place of the directory. */
static void
assert_file_error(struct switch_request *request, const char *format)
{
    const char *dollar = strchr(format, '$');
    CLEANUP_FREE char *expected = xasprintf("%.*s%s%s",
                                            (int) (dollar - format), format,
                                            peer.dir, dollar + 1);
    assert_error(request, expected);
}

static void
test_a_question_is_answered(void **state)
{
    size_t one = 1;
    struct switch_request *request = ask("in_port=1");
    run_until(were_asked, &one);
    assert_string_equal(peer.asked[0]->method, "ofproto/trace");
    assert_string_taken(json_to_string(peer.asked[0]->params, 0),
                        "[\"br0\",\"in_port=1\"]");
    assert_false(switch_request_is_done(request));

    answer(0, json_string_create("the\nfate"), false);
    run_until(is_done, request);
    assert_null(switch_request_error(request));
    assert_string_equal(switch_request_reply(request), "the\nfate");
    switch_request_destroy(request);
    run_until(is_alone, NULL);
}

static void
test_a_refusal_is_a_sentence(void **state)
{
    size_t one = 1;
    struct switch_request *request = ask("in_port=1");
    run_until(were_asked, &one);
    answer(0, json_string_create("br9: unknown\x01 bridge\n"), true);
    run_until(is_done, request);
    assert_error(request, "br9: unknown? bridge");
}

static void
test_what_is_no_text_is_shown_as_json(void **state)
{
    size_t one = 1;
    struct switch_request *request = ask("in_port=1");
    run_until(were_asked, &one);
    answer(0, json_integer_create(7), false);
    run_until(is_done, request);
    assert_string_equal(switch_request_reply(request), "7");
    switch_request_destroy(request);
}

static void
test_few_questions_are_sent_at_a_time(void **state)
{
    struct switch_request *requests[12];
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        CLEANUP_FREE char *word = xasprintf("%"PRIuSIZE, i);
        requests[i] = ask(word);
    }
    size_t eight = 8, twelve = 12;
    run_until(were_asked, &eight);
    for (int i = 0; i < 10; i++) {
        switch_control_run(control, time_msec());
        run_peer();
    }
    assert_int_equal(peer.n_asked, 8);

    /* In another order. */
    for (size_t i = 0; i < 8; i++) {
        answer(7 - i, json_string_create(
                   json_string(json_array(peer.asked[7 - i]->params)
                               ->elems[1])), false);
    }
    run_until(were_asked, &twelve);
    for (size_t i = 0; i < 8; i++) {
        CLEANUP_FREE char *word = xasprintf("%"PRIuSIZE, i);
        assert_string_equal(switch_request_reply(requests[i]), word);
    }
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        switch_request_destroy(requests[i]);
    }
}

static void
test_nobody_has_to_wait(void **state)
{
    size_t two = 2;
    struct switch_request *given_up = ask("a");
    struct switch_request *request = ask("b");
    run_until(were_asked, &two);
    switch_request_destroy(given_up);
    answer(0, json_string_create("a"), false);
    answer(1, json_string_create("b"), false);
    run_until(is_done, request);
    assert_string_equal(switch_request_reply(request), "b");
    switch_request_destroy(request);
}

static void
test_silence_has_an_end(void **state)
{
    size_t two = 2;
    struct switch_request *requests[] = { ask("a"), ask("b") };
    run_until(were_asked, &two);
    switch_control_run(control, time_msec() + 4000);
    assert_false(switch_request_is_done(requests[0]));
    switch_control_run(control, time_msec() + 6000);
    assert_error(requests[0], "ovs-vswitchd did not answer within 5 s");
    assert_error(requests[1], "ovs-vswitchd did not answer within 5 s");

    /* The next one gets a connection of its own. */
    run_until(is_alone, NULL);
    size_t one = 1;
    struct switch_request *request = ask("c");
    run_until(were_asked, &one);
    answer(0, json_string_create("c"), false);
    run_until(is_done, request);
    switch_request_destroy(request);
}

static void
test_a_switch_that_dies_is_reported(void **state)
{
    size_t one = 1;
    struct switch_request *request = ask("a");
    run_until(were_asked, &one);
    hang_up();
    stop_listening();
    run_until(is_done, request);
    assert_error(request, "ovs-vswitchd ended before it answered: End of "
                 "file");
    request = ask("b");
    run_until(is_done, request);
    assert_file_error(request, "ovs-vswitchd cannot be asked: unix:$/ovs-"
                      "vswitchd.77.ctl: No such file or directory");
}

static void
test_a_switch_that_is_absent_is_reported(void **state)
{
    write_pidfile("nobody\n");
    struct switch_request *request = ask("a");
    run_until(is_done, request);
    assert_file_error(request, "ovs-vswitchd does not run: $/ovs-vswitchd.pid "
                      "names no process");

    assert_int_equal(unlink(peer.pidfile), 0);
    request = ask("b");
    run_until(is_done, request);
    assert_file_error(request, "ovs-vswitchd does not run: "
                      "$/ovs-vswitchd.pid: No such file or directory");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(test_a_question_is_answered),
        TEST(test_a_refusal_is_a_sentence),
        TEST(test_what_is_no_text_is_shown_as_json),
        TEST(test_few_questions_are_sent_at_a_time),
        TEST(test_nobody_has_to_wait),
        TEST(test_silence_has_an_end),
        TEST(test_a_switch_that_dies_is_reported),
        TEST(test_a_switch_that_is_absent_is_reported),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
