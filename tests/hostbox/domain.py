# SPDX-License-Identifier: Apache-2.0
"""The XML of a guest, as an operator would write it for Open vSwitch."""

import base64
import dataclasses
import hashlib
from typing import Optional, Sequence
from xml.sax.saxutils import escape, quoteattr

MEMORY_MIB = 96

# What the kernel need not do in a guest that lives for a minute.
KERNEL_ARGUMENTS = ("console=ttyS0 quiet panic=-1 nokaslr mitigations=off "
                    "tsc=reliable no_timer_check 8250.nr_uarts=1 audit=0 "
                    "lsm= rcupdate.rcu_expedited=1 random.trust_cpu=on")

# Open vSwitch's userspace datapath reads a tap as raw frames: a checksum left
# to the "hardware", or a segment of 64 kB, would go out as it is.
OFFLOADS_OFF = ("<driver>"
                "<host csum='off' gso='off' tso4='off' tso6='off' ecn='off' "
                "ufo='off' mrg_rxbuf='off'/>"
                "<guest csum='off' tso4='off' tso6='off' ecn='off' "
                "ufo='off'/>"
                "</driver>")


@dataclasses.dataclass(frozen=True)
class Vlan:
    """A <vlan> element: tags, and which of them is native and how."""

    tags: Sequence[int]
    is_trunk: bool = False
    native: Optional[int] = None
    native_mode: str = "untagged"

    @classmethod
    def access(cls, tag):
        return cls((tag,))

    @classmethod
    def trunk(cls, *tags):
        return cls(tags, is_trunk=True)

    @classmethod
    def native_untagged(cls, native, *tags):
        return cls(tags, True, native, "untagged")

    @classmethod
    def native_tagged(cls, native, *tags):
        return cls(tags, True, native, "tagged")

    def xml(self):
        tags = "".join(self._tag(tag) for tag in self.tags)
        trunk = " trunk='yes'" if self.is_trunk else ""
        return f"<vlan{trunk}>{tags}</vlan>"

    def _tag(self, tag):
        mode = (f" nativeMode='{self.native_mode}'" if tag == self.native
                else "")
        return f"<tag id='{tag}'{mode}/>"


@dataclasses.dataclass(frozen=True)
class Nic:
    """An <interface>: on a bridge, on a libvirt network, or on neither: a tap
    that libvirt makes and plugs nowhere."""

    mac: Optional[str] = None       # None: made from the names
    vlan: Optional[Vlan] = None
    bridge: Optional[str] = "br0"
    network: Optional[str] = None   # instead of 'bridge'
    portgroup: Optional[str] = None
    target: Optional[str] = None    # None: libvirt's vnetN
    alias: Optional[str] = None     # must begin with "ua-"
    interface_id: Optional[str] = None
    extra: str = ""                 # <bandwidth> and the like

    def xml(self):
        return "".join([
            f"<interface type='{self._type()}'>",
            f"<mac address={quoteattr(self.mac)}/>" if self.mac else "",
            self._source(),
            self._virtualport(),
            self.vlan.xml() if self.vlan else "",
            f"<target dev={quoteattr(self.target)}/>" if self.target else "",
            "<model type='virtio'/>", OFFLOADS_OFF,
            f"<alias name={quoteattr(self.alias)}/>" if self.alias else "",
            self.extra, "<rom enabled='no'/></interface>"])

    def _type(self):
        return ("network" if self.network else
                "bridge" if self.bridge else "ethernet")

    def _source(self):
        if self._type() == "ethernet":
            return ""
        if self._type() == "bridge":
            return f"<source bridge={quoteattr(self.bridge)}/>"
        group = (f" portgroup={quoteattr(self.portgroup)}"
                 if self.portgroup else "")
        return f"<source network={quoteattr(self.network)}{group}/>"

    def _virtualport(self):
        if self._type() not in ("bridge", "network"):
            return ""
        if not self.interface_id:
            return "" if self.network else "<virtualport type='openvswitch'/>"
        return ("<virtualport type='openvswitch'><parameters "
                f"interfaceid={quoteattr(self.interface_id)}/></virtualport>")


def make_mac(*names):
    """A locally known address that is the same every time for these names."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).hexdigest()
    return ":".join(["52", "54", "00", digest[:2], digest[2:4], digest[4:6]])


def domain_xml(name, nics, *, image, guests_dir, kvm=False, uuid=None,
               extra="", extra_devices="", do=""):
    """A domain that boots 'image' with the interfaces 'nics'.

    Its serial port is a Unix socket, and a log, in 'guests_dir'.  'extra' is
    put under <domain>, for <metadata> and the like, 'extra_devices' under
    <devices>.  'do' is a shell command that runs from the boot on."""
    arguments = KERNEL_ARGUMENTS
    if do:
        arguments += f" hostbox.do={base64.b64encode(do.encode()).decode()}"
    identity = f"<uuid>{escape(uuid)}</uuid>" if uuid else ""
    interfaces = "\n    ".join(nic.xml() for nic in nics)
    return f"""<domain type='{'kvm' if kvm else 'qemu'}'>
  <name>{escape(name)}</name>{identity}{extra}
  <memory unit='MiB'>{MEMORY_MIB}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{escape(image.kernel)}</kernel>
    <initrd>{escape(image.initrd)}</initrd>
    <cmdline>{escape(arguments)}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='unix'>
      <source mode='bind' path='{guests_dir}/{name}.sock'/>
      <log file='{guests_dir}/{name}.log' append='off'/>
    </serial>
    {interfaces}{extra_devices}
  </devices>
</domain>
"""


def network_xml(name, bridge="br0", *, vlan=None, portgroups=None,
                default=None, uuid=None):
    """A <network> on an Open vSwitch bridge.

    'portgroups' is {name: Vlan or None}; 'default' names the one for
    interfaces that do not ask for any."""
    groups = "".join(
        f"<portgroup name={quoteattr(group)}"
        f"{' default=' + quoteattr('yes') if group == default else ''}>"
        f"{group_vlan.xml() if group_vlan else ''}</portgroup>"
        for group, group_vlan in (portgroups or {}).items())
    identity = f"<uuid>{escape(uuid)}</uuid>" if uuid else ""
    return (f"<network><name>{escape(name)}</name>{identity}"
            f"<forward mode='bridge'/><bridge name={quoteattr(bridge)}/>"
            f"<virtualport type='openvswitch'/>"
            f"{vlan.xml() if vlan else ''}{groups}</network>")
