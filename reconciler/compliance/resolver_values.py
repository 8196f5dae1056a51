"""From what dnspython makes of an answer to our own values."""

import ipaddress
import string

import dns.name
import dns.rdata
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TLSA
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rdtypes.IN.SRV

from reconciler.core.dns import Address, Host, Mx, Rdata, Soa, Srv, Tlsa, Txt

_PLAIN = frozenset((string.ascii_letters + string.digits + "-_").encode())


def value(rdata: dns.rdata.Rdata) -> Rdata | None:
    """One record as a value; None for a type that nobody asked for."""
    match rdata:
        case dns.rdtypes.ANY.TXT.TXT():
            return Txt(tuple(_text(raw) for raw in rdata.strings))
        case dns.rdtypes.ANY.MX.MX():
            return Mx(rdata.preference, plain_name(rdata.exchange))
        case dns.rdtypes.IN.SRV.SRV():
            return Srv(rdata.priority, rdata.weight, rdata.port, plain_name(rdata.target))
        case dns.rdtypes.IN.A.A() | dns.rdtypes.IN.AAAA.AAAA():
            return Address(str(ipaddress.ip_address(rdata.address)))
        case dns.rdtypes.ANY.CNAME.CNAME() | dns.rdtypes.ANY.PTR.PTR() | dns.rdtypes.ANY.NS.NS():
            return Host(plain_name(rdata.target))
        case dns.rdtypes.ANY.SOA.SOA():
            return Soa(rdata.serial, plain_name(rdata.mname))
        case dns.rdtypes.ANY.TLSA.TLSA():
            return Tlsa(rdata.usage, rdata.selector, rdata.mtype, rdata.cert.hex())
        case _:
            return None


def plain_name(name: dns.name.Name) -> str:
    """A name in lower case without the final dot, empty for the root; odd bytes as `\\032`, as in zone files."""
    return ".".join(_label(label) for label in name.labels if label)


def _label(label: bytes) -> str:
    return "".join(chr(byte).lower() if byte in _PLAIN else f"\\{byte:03d}" for byte in label)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
