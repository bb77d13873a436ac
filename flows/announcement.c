/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* RARP, as QEMU sends it for a guest that it resumes: it needs no IP address
 * (RFC 903), and hosts ignore it. */

#include <config.h>
#include "flows/announcement.h"

#include <string.h>

#include "packets.h"
#include "util.h"

/* Where a frame has the address that it is about. */
enum { SOURCE_OFFSET = 6, SENDER_OFFSET = 22, TARGET_OFFSET = 32 };

/* Makes 'announcement', which is overwritten unread, one of 'mac'. */
void
announcement_build(struct announcement *announcement,
                   const struct eth_addr mac)
{
    static const uint8_t request[ANNOUNCEMENT_SIZE] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0x80, 0x35,
        0, 1, 0x08, 0x00, ETH_ADDR_LEN, 4, 0, 3, /* Ask for an IPv4 address. */
    };
    static const int offsets[] = {
        SOURCE_OFFSET, SENDER_OFFSET, TARGET_OFFSET
    };
    memcpy(announcement->frame, request, sizeof request);
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        memcpy(&announcement->frame[offsets[i]], mac.ea, sizeof mac.ea);
    }
}
