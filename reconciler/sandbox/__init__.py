"""The embedded server of `reconciler sandbox`: SmarterMail's API v1 over HTTP, and DNS, on 127.0.0.1 only.

Belongs here: everything that simulates the mail server, as docs/reference/smartermail-api.md describes it.
Does not belong here: imports from other packages of reconciler, so that client and server cannot share a mistake.
The sandbox is not a mail server.

The names below are imported at their first use. They need the packages of the extra `sandbox`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.sandbox.config import Endpoint, SandboxConfig, SandboxError, SeedDomain, Thresholds

if TYPE_CHECKING:
    from reconciler.sandbox.faults import FAULTS, UnknownFaultError, parse_fault
    from reconciler.sandbox.persist import DataInUseError
    from reconciler.sandbox.quirks import PARAMETERISED as PARAMETERISED_QUIRKS
    from reconciler.sandbox.quirks import QUIRKS, UnknownQuirkError
    from reconciler.sandbox.server import Sandbox, serve

__all__ = [
    "FAULTS",
    "PARAMETERISED_QUIRKS",
    "QUIRKS",
    "DataInUseError",
    "Endpoint",
    "Sandbox",
    "SandboxConfig",
    "SandboxError",
    "SeedDomain",
    "Thresholds",
    "UnknownFaultError",
    "UnknownQuirkError",
    "parse_fault",
    "serve",
]

_HOMES = {
    "Sandbox": "server",
    "serve": "server",
    "FAULTS": "faults",
    "UnknownFaultError": "faults",
    "parse_fault": "faults",
    "QUIRKS": "quirks",
    "PARAMETERISED_QUIRKS": "quirks",
    "UnknownQuirkError": "quirks",
    "DataInUseError": "persist",
}
_EXTRA = frozenset({"uvicorn", "httptools", "jwt", "cryptography", "dns", "idna"})


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f"{__name__}.{home}"), name.removesuffix("_QUIRKS"))
    except ModuleNotFoundError as error:
        # A missing module of our own is a bug, not a missing extra.
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise ImportError(
            f"the sandbox needs the package {error.name!r}, which is not installed: install the extra "
            "`sandbox` in a clone of the repository, with pipx install --force '.[sandbox]'"
        ) from error
