"""Mailing lists (API reference section 9). They share the namespace and limits of accounts."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.accounts import check_limit
from reconciler.sandbox.binder import BindError
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Domain, MailingList
from reconciler.sandbox.names import local_part
from reconciler.sandbox.routes.search import in_server_order
from reconciler.sandbox.store import NAME_IN_USE

NO_LIST = "Mailing list does not exist."


def list_lists(call: Call) -> Reply:
    """`GET settings/domain/mailing-lists/list`."""
    rows = [_row(call.domain, one) for one in call.domain.lists.values()]
    return ok(items=in_server_order(rows, call.quirks))


def add_list(call: Call) -> Reply:
    """`POST settings/domain/mailing-lists/add`: `listAddress` or `name`, with or without the domain."""
    domain = call.domain
    fields = call.fields.fields("list") or call.fields
    name = local_part(fields.text("listAddress") or fields.text("name") or "", domain.name)
    moderator = (fields.text("moderatorAddress") or domain.main_admin).lower()
    posting = fields.number("postingPermissions") or 0
    if posting not in {0, 1, 2}:
        raise BindError("postingPermissions")
    description = fields.text("description") or ""
    # List addresses belong to the namespace of accounts (API reference section 9).
    if domain.is_taken(name):
        raise Refusal(NAME_IN_USE)
    check_limit(domain, "maxLists", len(domain.lists))
    made = MailingList(name, domain.next_list, moderator, description, posting, created=call.clock.iso())
    # Numbers are never used again: a client with an old id must not reach another list.
    domain.next_list += 1
    domain.lists[name] = made
    call.store.touch(domain)
    _saved(call, made, "create")
    return ok(id=made.number)


def get_list(call: Call) -> Reply:
    """`GET settings/domain/mailing-lists/{id}/settings`."""
    return ok(settings=_row(call.domain, _list(call)))


def delete_list(call: Call) -> Reply:
    """`POST settings/domain/mailing-lists/{id}/delete`."""
    found = _list(call)
    del call.domain.lists[found.name]
    _saved(call, found, "delete")
    return ok()


def add_subscribers(call: Call) -> Reply:
    """`POST settings/domain/mailing-lists/{id}/subscriber-add`."""
    found = _list(call)
    wanted = [one.lower() for one in call.body.inputs("subscribers", "input", "emailAddresses")]
    found.subscribers = list(dict.fromkeys([*found.subscribers, *wanted]))
    _saved(call, found, "update")
    return ok()


def remove_subscribers(call: Call) -> Reply:
    """`POST settings/domain/mailing-lists/{id}/subscriber-remove`."""
    found = _list(call)
    unwanted = {one.lower() for one in call.body.inputs("subscribers", "input", "emailAddresses")}
    found.subscribers = [one for one in found.subscribers if one not in unwanted]
    _saved(call, found, "update")
    return ok()


def search_subscribers(call: Call) -> Reply:
    """`POST settings/domain/mailing-lists/{id}/subscriber-search`."""
    wanted = (call.fields.text("search") or "").lower()
    rows = [{"emailAddress": one} for one in _list(call).subscribers if wanted in one]
    return ok(items=rows, totalCount=len(rows))


def _row(domain: Domain, one: MailingList) -> dict[str, Any]:
    return {
        "id": one.number,
        "listAddress": domain.address(one.name),
        "moderatorAddress": one.moderator if "@" in one.moderator else domain.address(one.moderator),
        "description": one.description,
        "postingPermissions": one.posting,
        "disabled": one.is_disabled,
        "listSubscriberCount": len(one.subscribers),
        "createdOn": one.created,
    }


def _list(call: Call) -> MailingList:
    for one in call.domain.lists.values():
        if str(one.number) == call.param("id"):
            return one
    raise Refusal(NO_LIST)


def _saved(call: Call, one: MailingList, action: str) -> None:
    call.store.touch(call.domain, "lists", one.name)
    call.store.note(action, "list", call.domain.address(one.name))


ROUTES = (
    Route("GET", "settings/domain/mailing-lists/list", "DA", list_lists),
    Route("POST", "settings/domain/mailing-lists/add", "DA", add_list, is_write=True),
    Route("GET", "settings/domain/mailing-lists/{id}/settings", "DA", get_list),
    Route("POST", "settings/domain/mailing-lists/{id}/delete", "DA", delete_list, is_write=True),
    Route("POST", "settings/domain/mailing-lists/{id}/subscriber-add", "DA", add_subscribers, is_write=True),
    Route("POST", "settings/domain/mailing-lists/{id}/subscriber-remove", "DA", remove_subscribers, is_write=True),
    Route("POST", "settings/domain/mailing-lists/{id}/subscriber-search", "DA", search_subscribers),
)
