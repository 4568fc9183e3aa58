"""What only the controller reaches is refused, in every spelling of an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomreport.hooks.address import Reach, network


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("169.254.169.254", "link-local"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("::169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::a9fe:a9fe", "NAT64"),
        ("64:ff9b:1:a9fe:a9:fe00::", "NAT64"),
        ("fec0::1", "site-local"),
        ("2001:db8::5efe:169.254.169.254", "link-local"),
        ("fd00::200:5efe:a9fe:a9fe", "link-local"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("240.0.0.1", "reserved"),
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("nothing", "not an IP address"),
    ],
)
def test_it_is_refused(text: str, why: str):
    assert why in (Reach().refusal(text) or "")


@pytest.mark.parametrize(
    "text", ["10.0.0.1", "192.168.1.1", "8.8.8.8", "2606:4700::1111", "fd00::1", "64:ff9b::808:808"]
)
def test_other_addresses_are_not(text: str):
    assert Reach().refusal(text) is None


def test_loopback_can_be_allowed_and_anything_denied_but_metadata_never_allowed():
    reach = Reach(allowed=[network("0.0.0.0/0"), network("::/0")], denied=[network("10.0.0.0/8")])
    assert reach.refusal("127.0.0.1") is None
    assert "denied" in (reach.refusal("10.1.2.3") or "")
    assert "denied" in (reach.refusal("::ffff:10.1.2.3") or "")
    assert reach.refusal("169.254.169.254")
    assert reach.refusal("fd00:ec2::254")


@given(st.ip_addresses())
def test_every_address_gets_an_answer(address: object):
    Reach().refusal(str(address))
