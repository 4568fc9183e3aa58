"""The addresses that a hook may reach.

Who may write a hook must not reach by it what only the controller can.

Cloud providers hand out credentials at fixed addresses to whoever asks from a machine of theirs. Most of those are
link-local; the others are listed. An IPv4 address can be spelled inside an IPv6 one in several ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Amazon (IPv6), Google (IPv6), Alibaba, Azure, Oracle.
_METADATA = frozenset(
    ip_address(text) for text in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
_NAT64 = IPv6Network("64:ff9b::/96")
# For a network's own use (RFC 8215). Its prefix may have 48 to 96 bits, so where the IPv4 address stands is not known.
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
# `..:0:5efe:<IPv4>` or, where the address is unique in the world, `..:200:5efe:<IPv4>` (RFC 5214).
_ISATAP = frozenset((0x00005EFE, 0x02005EFE))
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Networks that are allowed though they are of this machine (loopback), and networks that are denied."""

    allowed: Sequence[Network] = ()
    denied: Sequence[Network] = ()

    def refusal(self, text: str) -> str | None:
        """Return why an address may not be reached, in words; None where it may."""
        try:
            address = ip_address(text)
        except ValueError:
            return "not an IP address"
        return next((why for one in _meanings(address) if (why := self._why(one))), None)

    def _why(self, address: Address) -> str | None:
        if address in _METADATA:
            return "a metadata service"
        if address.is_link_local:
            return "link-local, where metadata services are"
        if isinstance(address, IPv6Address) and address.is_site_local:
            return "site-local, which is deprecated"
        if address.version == 6 and address in _LOCAL_NAT64:
            return "of a NAT64 of the network's own: which IPv4 address it leads to is not known"
        if address.is_unspecified:
            return "unspecified"
        if address.is_multicast:
            return "multicast"
        if _within(address, self.denied):
            return "denied by --hook-deny"
        if address.is_loopback:
            return None if _within(address, self.allowed) else "loopback"
        # ::/8 is reserved as a whole, with what it embeds; that has been looked at by itself.
        if address.is_reserved and not _embedded(address):
            return "reserved"
        return None


def network(text: str) -> Network:
    """Return a network in CIDR notation. Raises ValueError."""
    return ip_network(text, strict=False)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)


def _meanings(address: Address) -> tuple[Address, ...]:
    embedded = _embedded(address)
    return (address, *embedded)


def _embedded(address: Address) -> tuple[Address, ...]:
    """Return the IPv4 addresses that an IPv6 one leads to, by whatever translates it on the way."""
    if isinstance(address, IPv4Address):
        return ()
    found: list[Address] = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found += address.teredo
    is_compatible = address in _COMPATIBLE and int(address) > 0xFFFF
    is_isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP
    if is_compatible or is_isatap or address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)
