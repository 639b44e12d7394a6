#!/usr/bin/python3
"""Makes scapy_vectors.inc: advertisements as scapy, which shares no code with understudy, writes them.

    tests/unit/vrrp/make_scapy_vectors.py > tests/unit/vrrp/scapy_vectors.inc

Needs python3-scapy. The tests do not: they read the table. The same seed gives the same table.
"""
import random
import sys

try:
    import scapy
except ImportError:
    sys.exit("needs scapy: apt-get install python3-scapy")
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.vrrp import VRRP, VRRPv3
from scapy.utils import checksum

RANDOM = random.Random(9568)
GROUP_V4, GROUP_V6 = "224.0.0.18", "ff02::12"


def ipv4():
    return ".".join(str(RANDOM.randrange(256)) for _ in range(4))


def source_v4():
    """An address that a router can have."""
    first, rest = ipv4().split(".", 1)
    first = 1 + int(first) % 223
    return f"{126 if first == 127 else first}.{rest}"


def ipv6(prefix="2001:db8"):
    return prefix + "".join(f":{RANDOM.randrange(1, 0x10000):x}" for _ in range(8 - len(prefix.split(":"))))


def link_local():
    return "fe80::" + f"{RANDOM.randrange(1, 0x10000):x}:{RANDOM.randrange(1, 0x10000):x}"


def fields():
    return {"vrid": RANDOM.randrange(1, 256), "priority": RANDOM.choice([0, 1, 100, 254, 255, RANDOM.randrange(256)])}


def version_2(count):
    head = fields() | {"adv": RANDOM.choice([1, 2, 10, 255]), "addrlist": [ipv4() for _ in range(count)]}
    source = source_v4()
    payload = bytes(IP(src=source, dst=GROUP_V4, ttl=255) / VRRP(**head))[20:]
    return "v2", "ipv4", "message_only", source, GROUP_V4, head, head["adv"] * 1000, payload


def version_3(family, form, count, destination=None):
    head = fields() | {"adv": RANDOM.choice([1, 10, 100, 255, 256, 4095, RANDOM.randrange(1, 4096)])}
    if family == "ipv4":
        head["addrlist"] = [ipv4() for _ in range(count)]
        source, destination = source_v4(), destination or GROUP_V4
        packet, size = IP(src=source, dst=destination, ttl=255), 20
    else:
        head["addrlist"] = [link_local()] + [ipv6() for _ in range(count - 1)]
        source, destination = link_local(), destination or GROUP_V6
        packet, size = IPv6(src=source, dst=destination, hlim=255), 40
    if form == "message_only":
        # scapy's version 3 has a pseudo-header always: its plain sum is put in by hand.
        bare = bytes(packet / VRRPv3(**head, chksum=0))[size:]
        head["chksum"] = checksum(bare)
    payload = bytes(packet / VRRPv3(**head))[size:]
    return "v3", family, form, source, destination, head, head["adv"] * 10, payload


def main():
    rows = [version_2(count) for count in (1, 1, 1, 2, 3, 7, 20, 255)]
    rows += [version_3("ipv4", "message_only", count) for count in (1, 1, 1, 2, 3, 5, 8, 20, 255)]
    rows += [version_3("ipv4", "pseudo_header", count) for count in (1, 1, 1, 2, 3, 5, 8, 20, 255)]
    rows += [version_3("ipv4", form, 2, "192.0.2.7") for form in ("message_only", "pseudo_header")]
    rows += [version_3("ipv6", "pseudo_header", count) for count in (1, 1, 1, 2, 2, 3, 5, 8, 20, 90)]
    rows += [version_3("ipv6", "pseudo_header", 2, "2001:db8::7"), version_3("ipv6", "pseudo_header", 1, "fe80::7")]
    print(f"// {len(rows)} advertisements made with scapy {scapy.__version__} by make_scapy_vectors.py; do not edit.")
    print("// version, family, checksum, source, destination, VRID, priority, interval, addresses, bytes")
    print("// clang-format off")
    for version, family, form, source, destination, head, milliseconds, payload in rows:
        print(f'{{Version::{version}, Family::{family}, ChecksumForm::{form}, "{source}", "{destination}", '
              f'{head["vrid"]}, {head["priority"]}, std::chrono::milliseconds{{{milliseconds}}},\n'
              f' "{" ".join(head["addrlist"])}",\n "{payload.hex()}"}},')
    print("// clang-format on")


if __name__ == "__main__":
    main()
