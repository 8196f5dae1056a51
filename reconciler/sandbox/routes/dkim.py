"""DKIM (API reference section 8), for domain administrators and, with the domain in the path, for system ones."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.binder import BindError
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.dkim import DEFAULT_SIZE, SIZES, is_published, update_keys
from reconciler.sandbox.domains import bound
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import DkimKey, Domain

NOT_VERIFIED = "The DKIM record could not be verified in DNS"
_OPTIONS = {"maxMessageSign": 0, "canonicalizationBody": 0, "canonicalizationHeader": 0, "fieldOption": 0}


def domain_keys(call: Call, domain: Domain) -> dict[str, Any]:
    """`domainKeysSettings`, after the background work that is due."""
    dkim = domain.dkim
    if update_keys(domain, call.service.zones, call.service.keys, call.clock):
        call.store.touch(domain)
    active, options = dkim.active, dkim.options
    return {
        "isActive": dkim.is_on and active is not None,
        "selector": active.selector if active else "",
        "publicKey": active.public_key if active else "",
        "keySize": active.size if active else 0,
        "maxMessageSign": options.get("maxMessageSign", 0),
        "dkimCanonicalizationAlgorithmBody": options.get("canonicalizationBody", 0),
        "dkimCanonicalizationAlgorithmHeader": options.get("canonicalizationHeader", 0),
        "dkimHeaderFieldOption": options.get("fieldOption", 0),
        "dkimHeaderFields": options.get("fields", []),
        "pending": _key(call, dkim.pending) if dkim.pending else None,
    }


def enable(call: Call) -> Reply:
    """`dkim-enable/{force}`: generates a missing key, and signs when DNS has it, or immediately with force.

    The answer is always success. A key that is not in DNS becomes pending.
    """
    domain, dkim = _domain(call), _domain(call).dkim
    force = call.flag_param("force")
    domain_keys(call, domain)
    was_on = dkim.is_on and dkim.active is not None
    if was_on:
        return ok()
    if dkim.active is None and dkim.pending is None:
        dkim.pending = call.service.keys.make(DEFAULT_SIZE)
    if dkim.active is not None:
        if force or _verified(call, domain, dkim.active):
            dkim.is_on = True
        else:
            # DNS does not confirm the earlier key, so that it waits as the pending key until DNS does.
            dkim.is_on, dkim.pending, dkim.active = True, dkim.active, None
    elif dkim.pending is not None:
        dkim.is_on = True
        if force or _verified(call, domain, dkim.pending):
            dkim.active, dkim.pending = dkim.pending, None
    _saved(call, domain)
    # Without the quirk the answer is a success without effect, as one source shows it (API reference section 1.3).
    if dkim.active is None and "dkim-enable-refuses" in call.quirks:
        raise Refusal(NOT_VERIFIED)
    return ok()


def disable(call: Call) -> Reply:
    """`dkim-disable`: stops signing and deletes a pending key."""
    domain = _domain(call)
    domain_keys(call, domain)
    domain.dkim.is_on = False
    domain.dkim.pending = None
    _saved(call, domain)
    return ok()


def create_rollover(call: Call) -> Reply:
    """`dkim-create-rollover/{1024|2048|4096}`: generates a pending key."""
    domain = _domain(call)
    size = call.param("size")
    if size not in {str(one) for one in SIZES}:
        raise BindError("size")
    domain_keys(call, domain)
    domain.dkim.pending = call.service.keys.make(int(size))
    _saved(call, domain)
    return ok(**_key(call, domain.dkim.pending))


def verify_rollover(call: Call) -> Reply:
    """`dkim-verify-rollover/{force}`: activates the pending key if DNS has it, or with force."""
    domain, dkim = _domain(call), _domain(call).dkim
    force = call.flag_param("force") if "force" in call.params else False
    if dkim.pending is None:
        raise Refusal("There is no pending DKIM key")
    if not force and not _verified(call, domain, dkim.pending):
        raise Refusal(NOT_VERIFIED)
    # The first key of a domain enables signing. After dkim-disable, a new active key does not.
    dkim.is_on = dkim.is_on or dkim.active is None
    dkim.active, dkim.pending = dkim.pending, None
    _saved(call, domain)
    return ok()


def verify_active(call: Call) -> Reply:
    """`dkim-verify-active`: checks whether DNS has the active key."""
    domain = _domain(call)
    domain_keys(call, domain)
    if domain.dkim.active is None or not _verified(call, domain, domain.dkim.active):
        raise Refusal(NOT_VERIFIED)
    return ok()


def delete_rollover(call: Call) -> Reply:
    """`dkim-delete-rollover`."""
    domain = _domain(call)
    if domain.dkim.pending is None:
        raise Refusal("There is no pending DKIM key")
    domain.dkim.pending = None
    _saved(call, domain)
    return ok()


def set_options(call: Call) -> Reply:
    """`dkim-settings-set`."""
    domain = _domain(call)
    found = bound(call.fields, _OPTIONS)
    fields = call.fields.texts("fields")
    if fields is not None:
        found["fields"] = fields
    domain.dkim.options = {**domain.dkim.options, **found}
    _saved(call, domain)
    return ok()


def test_dns(call: Call) -> Reply:
    """`GET test-domain-key-dns/{selector}/{publicKey}`: the key is the rest of the path, because Base64 has slashes."""
    # Some decoders turn the plus signs of Base64 into spaces.
    key = call.param("publicKey").replace(" ", "+")
    if not is_published(call.service.zones, call.domain.name, call.param("selector"), key):
        raise Refusal(NOT_VERIFIED)
    return ok()


def _domain(call: Call) -> Domain:
    return call.store.domain(call.params["domain"]) if "domain" in call.params else call.domain


def _verified(call: Call, domain: Domain, key: DkimKey) -> bool:
    return is_published(call.service.zones, domain.name, key.selector, key.public_key)


def _key(call: Call, key: DkimKey) -> dict[str, Any]:
    return {
        "selector": key.selector,
        "publicKey": key.public_key,
        "keySize": key.size,
        "nextCheckUtc": call.clock.iso(key.next_check),
    }


def _saved(call: Call, domain: Domain) -> None:
    call.store.touch(domain)
    call.store.note("update", "dkim", domain.name)


ROUTES = (
    Route("POST", "settings/domain/dkim-enable/{force}", "DA", enable, is_write=True),
    Route("POST", "settings/domain/dkim-disable", "DA", disable, is_write=True),
    Route("POST", "settings/domain/dkim-create-rollover/{size}", "DA", create_rollover, is_write=True),
    Route("POST", "settings/domain/dkim-verify-rollover", "DA", verify_rollover, is_write=True),
    Route("POST", "settings/domain/dkim-verify-rollover/{force}", "DA", verify_rollover, is_write=True),
    Route("POST", "settings/domain/dkim-verify-active", "DA", verify_active),
    Route("POST", "settings/domain/dkim-delete-rollover", "DA", delete_rollover, is_write=True),
    Route("POST", "settings/domain/dkim-settings-set", "DA", set_options, is_write=True),
    Route("GET", "settings/domain/test-domain-key-dns/{selector}/{publicKey...}", "DA", test_dns),
    Route("POST", "settings/sysadmin/dkim-enable/{domain}/{force}", "SA", enable, is_write=True),
    Route("POST", "settings/sysadmin/dkim-disable/{domain}", "SA", disable, is_write=True),
    Route("POST", "settings/sysadmin/dkim-create-rollover/{domain}/{size}", "SA", create_rollover, is_write=True),
    Route("POST", "settings/sysadmin/dkim-delete-rollover/{domain}", "SA", delete_rollover, is_write=True),
    Route("POST", "settings/sysadmin/dkim-settings-set/{domain}", "SA", set_options, is_write=True),
)
