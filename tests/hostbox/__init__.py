# SPDX-License-Identifier: Apache-2.0
"""A KVM host in a box: the fixture of the guest tests, a toy for developers.

See README.md, 'hostbox --help', and box.py for how it is made.
"""

from .box import Box
from .domain import Nic, Vlan, domain_xml, make_mac, network_xml
from .guest import Guest, Result
from .process import Process
from .util import HostboxError, until
from .wire import Wire, open_tap

__all__ = ["Box", "Guest", "HostboxError", "Nic", "Process", "Result", "Vlan",
           "Wire", "domain_xml", "make_mac", "network_xml",
           "open_tap", "until"]
