/* SPDX-License-Identifier: Apache-2.0 */

/* guest-frame: sends one Ethernet frame, or waits for frames, bytes as they
 * are on the wire; or joins a multicast group.
 *
 *     guest-frame send IFACE HEX [COUNT [INTERVAL-MS]]
 *     guest-frame capture IFACE HEX SECONDS [COUNT]
 *     guest-frame join IFACE GROUP
 *
 * 'capture' prints "listening" once it would miss nothing more, then every
 * received frame that contains the bytes HEX, in hex, one a line.  It exits
 * with 0 after COUNT frames (default 1) and with 1 when SECONDS have passed.
 *
 * 'join' stays in the IPv4 multicast group until it is killed.
 *
 * The kernel takes the outer 802.1Q tag off a frame before anybody sees it
 * and hands it over beside the frame; it is put back here.  Tests of VLANs
 * want to see the frame that was on the wire.
 *
 * A static program of its own because the guest has nothing but busybox. */

#define _GNU_SOURCE            /* memmem() */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 65536, ADDRESSES_SIZE = 12, TAG_SIZE = 4 };

static void __attribute__((noreturn))
die(const char *what)
{
    fprintf(stderr, "guest-frame: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void __attribute__((noreturn))
usage(void)
{
    fputs("usage: guest-frame send IFACE HEX [COUNT [INTERVAL-MS]]\n"
          "       guest-frame capture IFACE HEX SECONDS [COUNT]\n"
          "       guest-frame join IFACE GROUP\n", stderr);
    exit(2);
}

static long long int
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* A packet socket bound to 'iface'. */
static int
open_interface(const char *iface)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int) if_nametoindex(iface),
    };
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    if (fd < 0 || !address.sll_ifindex
        || bind(fd, (struct sockaddr *) &address, sizeof address)) {
        die(iface);
    }
    return fd;
}

static size_t
parse_hex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;

    if (strlen(hex) % 2 || size > FRAME_MAX) {
        usage();
    }
    for (size_t i = 0; i < size; i++) {
        if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1) {
            usage();
        }
    }
    return size;
}

static int
send_frames(const char *iface, const char *hex, int count, int interval_ms)
{
    static uint8_t frame[FRAME_MAX];
    size_t size = parse_hex(hex, frame);
    int fd = open_interface(iface);

    for (int i = 0; i < count; i++) {
        if (i) {
            poll(NULL, 0, interval_ms);
        }
        if (send(fd, frame, size, 0) != (ssize_t) size) {
            die("send");
        }
    }
    return 0;
}

/* Puts the tag that the kernel took off, if any, back into the 'size' bytes
 * at 'frame' and returns the new size.  There is room for it. */
static size_t
restore_tag(struct msghdr *msg, uint8_t *frame, size_t size)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        struct tpacket_auxdata aux;

        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) {
            continue;
        }
        memcpy(&aux, CMSG_DATA(c), sizeof aux);
        if (aux.tp_status & TP_STATUS_VLAN_VALID) {
            uint16_t tag[] = { htons(aux.tp_vlan_tpid),
                               htons(aux.tp_vlan_tci) };

            memmove(frame + ADDRESSES_SIZE + TAG_SIZE, frame + ADDRESSES_SIZE,
                    size - ADDRESSES_SIZE);
            memcpy(frame + ADDRESSES_SIZE, tag, TAG_SIZE);
            return size + TAG_SIZE;
        }
    }
    return size;
}

/* Receives one frame.  Returns its size, 0 for one that this host sent. */
static size_t
receive_frame(int fd, uint8_t *frame)
{
    struct sockaddr_ll from;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    struct iovec iov = { frame, FRAME_MAX };
    struct msghdr msg = {
        .msg_name = &from,
        .msg_namelen = sizeof from,
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t size = recvmsg(fd, &msg, 0);

    if (size < ADDRESSES_SIZE) {
        die("recvmsg");
    }
    if (from.sll_pkttype == PACKET_OUTGOING) {
        return 0;
    }
    return restore_tag(&msg, frame, (size_t) size);
}

static void
print_hex(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        printf("%02x", bytes[i]);
    }
    putchar('\n');
    fflush(stdout);
}

/* Frames for other hosts too, and the tags that the kernel takes off. */
static void
listen_to_everything(int fd, const char *iface)
{
    struct packet_mreq promiscuous = {
        .mr_ifindex = (int) if_nametoindex(iface),
        .mr_type = PACKET_MR_PROMISC,
    };
    int on = 1;

    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
                   sizeof promiscuous)
        || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on)) {
        die(iface);
    }
}

static int
capture_frames(const char *iface, const char *hex, int seconds, int count)
{
    static uint8_t frame[FRAME_MAX + TAG_SIZE];
    static uint8_t wanted[FRAME_MAX];
    size_t wanted_size = parse_hex(hex, wanted);
    int fd = open_interface(iface);
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    long long int deadline_ms = now_ms() + seconds * 1000LL;

    listen_to_everything(fd, iface);
    puts("listening");
    fflush(stdout);
    while (count > 0) {
        long long int left_ms = deadline_ms - now_ms();

        if (left_ms <= 0) {
            return 1;
        }
        if (poll(&pfd, 1, (int) left_ms) == 1) {
            size_t size = receive_frame(fd, frame);

            if (size && memmem(frame, size, wanted, wanted_size)) {
                print_hex(frame, size);
                count--;
            }
        }
    }
    return 0;
}

static int
join_group(const char *iface, const char *group)
{
    struct ip_mreqn membership = {
        .imr_multiaddr.s_addr = inet_addr(group),
        .imr_ifindex = (int) if_nametoindex(iface),
    };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership,
                             sizeof membership)) {
        die(group);
    }
    return pause();
}

int
main(int argc, char *argv[])
{
    if (argc == 4 && !strcmp(argv[1], "join")) {
        return join_group(argv[2], argv[3]);
    }
    if (argc >= 4 && argc <= 6 && !strcmp(argv[1], "send")) {
        return send_frames(argv[2], argv[3], argc > 4 ? atoi(argv[4]) : 1,
                           argc > 5 ? atoi(argv[5]) : 0);
    }
    if (argc >= 5 && argc <= 6 && !strcmp(argv[1], "capture")) {
        return capture_frames(argv[2], argv[3], atoi(argv[4]),
                              argc > 5 ? atoi(argv[5]) : 1);
    }
    usage();
}
