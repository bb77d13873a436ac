# SPDX-License-Identifier: Apache-2.0
"""What vnicd(8) promises of a switch, told a second time, for tests.

Nothing here asks the agent what is right: switches are read from the database
itself, and judged by the manual page.

    jsonrpc.py  to the database and to control sockets, without a process
    switch.py   rows as plain facts
    facts.py    what a switch is judged by
    promise.py  the judgement
    dblog.py    who wrote what
    history.py  what is done to a switch, drawn at random
"""
