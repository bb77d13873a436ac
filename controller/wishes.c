/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A wish is uttered, served by a pass that begins after that, and fulfilled
 * when the transaction of such a pass is through.  A pass that begins while
 * libvirt may still tell something new serves none that waits for it, unless
 * the first of them has waited for long enough: whoever utters one does not
 * make the others wait for longer. */

#include <config.h>
#include "controller/wishes.h"

#include <limits.h>

#include "util.h"

/* Has a wish of 'kind' been uttered that no pass serves? */
static bool
is_unserved(const struct wishes *wishes, enum wish_kind kind)
{
    return wishes->kinds[kind].n_uttered > wishes->kinds[kind].n_served;
}

/* Does one wait for libvirt? */
static bool
awaits_libvirt(const struct wishes *wishes)
{
    return is_unserved(wishes, WISH_REPAIR)
           || is_unserved(wishes, WISH_COLLECT);
}

/* Returns the number by which to ask for this wish. */
uint64_t
wishes_utter(struct wishes *wishes, enum wish_kind kind, long long int now)
{
    if (kind != WISH_SWEEP) {
        wishes->since_ms = awaits_libvirt(wishes) ? wishes->since_ms : now;
        wishes->newest_ms = now;
    }
    return ++wishes->kinds[kind].n_uttered;
}

/* Nobody minds any more what becomes of the wishes of 'kind'. */
void
wishes_withdraw(struct wishes *wishes, enum wish_kind kind)
{
    struct wishes_of_kind *of_kind = &wishes->kinds[kind];
    of_kind->n_served = of_kind->n_fulfilled = of_kind->n_uttered;
}

/* Returns when whoever waits for libvirt has waited for long enough. */
static long long int
settled_ms(const struct wishes *wishes, bool is_answering)
{
    return is_answering ? wishes->since_ms + WISH_SETTLE_MS : LLONG_MIN;
}

/* Returns when a pass is due for the sake of a wish, LLONG_MIN: at once,
 * LLONG_MAX: for none.  'is_answering' says that libvirt owes answers that may
 * come soon. */
long long int
wishes_due_ms(const struct wishes *wishes, bool is_answering)
{
    if (is_unserved(wishes, WISH_SWEEP)) {
        return LLONG_MIN;
    }
    return awaits_libvirt(wishes) ? settled_ms(wishes, is_answering)
                                  : LLONG_MAX;
}

/* Has the pass that begins at 'now' serve what may be served then.  Returns
 * true if that is a wish that has waited for libvirt until now. */
bool
wishes_serve(struct wishes *wishes, bool is_answering, long long int now)
{
    bool is_settled = awaits_libvirt(wishes)
                      && now >= settled_ms(wishes, is_answering);
    for (enum wish_kind kind = 0; kind < N_WISH_KINDS; kind++) {
        if (is_settled || kind == WISH_SWEEP) {
            wishes->kinds[kind].n_served = wishes->kinds[kind].n_uttered;
        }
    }
    return is_settled;
}

/* Does the newest pass serve a wish of 'kind'? */
bool
wishes_are_served(const struct wishes *wishes, enum wish_kind kind)
{
    return wishes->kinds[kind].n_served > wishes->kinds[kind].n_fulfilled;
}

/* What the newest pass serves has been done. */
void
wishes_fulfil(struct wishes *wishes)
{
    for (enum wish_kind kind = 0; kind < N_WISH_KINDS; kind++) {
        wishes->kinds[kind].n_fulfilled = wishes->kinds[kind].n_served;
    }
}

/* Has the wish with 'number' been fulfilled, or withdrawn? */
bool
wishes_is_fulfilled(const struct wishes *wishes, enum wish_kind kind,
                    uint64_t number)
{
    return wishes->kinds[kind].n_fulfilled >= number;
}
