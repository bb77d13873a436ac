# SPDX-License-Identifier: Apache-2.0
"""What a domain's <metadata> says of its vNICs, as an operator writes it."""

URI = "urn:vnicd:domain:1"


def metadata(**policies):
    """What a domain says of its vNICs: XML by MAC address."""
    content = "".join(f"<v:vnic mac='{mac}'>{policy}</v:vnic>"
                      for mac, policy in policies.items())
    return (f"<metadata><v:vnics xmlns:v='{URI}'>{content}</v:vnics>"
            "</metadata>")


def addresses(*ips):
    return "".join(f"<v:address ip='{ip}'/>" for ip in ips)


def isolated():
    return "<v:isolation class='isolated'/>"


def say(box, guest, content):
    """As in vnicd-settings(5), prefixes left to libvirt."""
    box.virsh("metadata", guest.name, "--live", "--uri", URI, "--key",
              "vnicd", "--set", f"<vnics><vnic mac='{guest.macs()[0]}'>"
              f"{content}</vnic></vnics>")
