"""Writes: a method returns only if the server confirmed the write. No write is sent twice after an unknown outcome."""

from collections.abc import Awaitable, Mapping

from reconciler.core.errors import AmbiguousWrite, NoSuchEndpoint, RefusedByServer, UnexpectedAnswer
from reconciler.core.model import Value
from reconciler.core.secret import Secret
from reconciler.smartermail import endpoints
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import decode, encode
from reconciler.smartermail.codec.scalars import Fields
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.reader import ServerReader

# Forwarding of a mailbox: first the list, then the switch that enables it (API reference section 5.8).


async def write_forwarding(calls: Calls, domain: str, name: str, values: Mapping[str, Value]) -> None:
    """Replace the forward list, keep its unmanaged fields, and enable forwarding for the mailbox.

    The switch is turned on only after the list is known to be correct: otherwise an old list could take effect.

    Raises:
        AmbiguousWrite: the outcome of writing the list or the switch is unknown.
    """
    email = f"{name}@{domain}"
    if not (await calls.tokens.domain(domain)).verified:
        await calls.domain_data(domain)
    current = await _list(calls, domain, email)
    wanted = encode.forward_list(current, values)
    try:
        await calls.write(endpoints.UPDATE_FORWARDS, domain, email=email, mailboxForwardList=wanted)
    # Without the answer, only a read shows whether the list is correct. It must be before the switch is turned on.
    except AmbiguousWrite:
        if not values.get("forwarding.to") or not _same(await _list(calls, domain, email), wanted, domain):
            raise
    if values.get("forwarding.to"):
        await _switch_on(calls, domain, email)


async def _list(calls: Calls, domain: str, email: str) -> Fields:
    """The current list; empty if the server refuses to return it because forwarding is disabled."""
    try:
        answer = await calls.read(endpoints.FORWARDS, domain, email=email)
    except RefusedByServer:
        if (await _mail_settings(calls, domain, email)).get("enableMailForwarding") is not False:
            raise
        return {}
    return decode.inner(answer, "mailboxForwardList", calls.where(endpoints.FORWARDS, domain))


async def _switch_on(calls: Calls, domain: str, email: str) -> None:
    settings = await _mail_settings(calls, domain, email)
    if settings.get("enableMailForwarding") is not True:
        merged = {**settings, "enableMailForwarding": True}
        await calls.write(endpoints.UPDATE_USER_MAIL, domain, email=email, userMailSettings=merged)


async def _mail_settings(calls: Calls, domain: str, email: str) -> Fields:
    answer = await calls.read(endpoints.USER_MAIL, domain, email=email)
    return decode.inner(answer, "userMailSettings", calls.where(endpoints.USER_MAIL, domain))


def _same(found: Fields, wanted: Fields, domain: str) -> bool:
    where = "forward list"
    return decode.forwarding({"mailboxForwardList": found}, domain, where) == decode.forwarding(
        {"mailboxForwardList": wanted}, domain, where
    )


_ACTIVATIONS: dict[str, Endpoint] = {"eas": endpoints.PATCH_EAS, "mapi": endpoints.PATCH_MAPI}


class ServerWriter(ServerReader):
    """Implements `reconciler.core.ports.Writer` over the API.

    Raises:
        RefusedByServer: the server refused; this request changed nothing.
        AmbiguousWrite: the write may or may not have taken effect. Read the object again, then decide.
        Unreachable, RefusedCredentials: nothing was sent.
        UnexpectedAnswer: the object that the write modifies could not be read; nothing was sent.
    """

    async def create_mailbox(self, domain: str, name: str, values: Mapping[str, Value], password: Secret) -> None:
        """Create a mailbox with `user-put` (section 5.4). A second request disables it if `enabled` is false.

        If the outcome of the creation is unknown, the mailbox is disabled nevertheless: it may exist.
        """
        user, mail, forward = encode.new_user(name, values, password)
        ambiguous: AmbiguousWrite | None = None
        try:
            await self._calls.write(
                endpoints.CREATE_USER, domain, (password,), userData=user, userMailSettings=mail, forwardList=forward
            )
        except AmbiguousWrite as e:
            ambiguous = e
        if values.get("enabled") is False:
            try:
                await self._switch(domain, name, enabled=False)
            except RefusedByServer:
                # After an unknown creation, a refusal only shows that the mailbox does not exist.
                if ambiguous is None:
                    raise
        if ambiguous is not None:
            raise ambiguous

    async def update_mailbox(
        self, domain: str, name: str, values: Mapping[str, Value], password: Secret | None
    ) -> None:
        """Write each part with its own endpoint. A mailbox is disabled first and enabled last.

        If the outcome of one part is unknown, the others are still written. The error is raised at the end.
        """
        ambiguous: list[AmbiguousWrite] = []
        enabled = values.get("enabled")
        if enabled is False:
            await _collect_ambiguous(ambiguous, self._switch(domain, name, enabled=False))
        if encode.changes_account(values) or password is not None:
            await _collect_ambiguous(ambiguous, self._change_user(domain, name, values, password))
        if encode.forwards(values):
            await _collect_ambiguous(ambiguous, write_forwarding(self._calls, domain, name, values))
        # Last, so that the mailbox becomes usable only with its new password and forwarding.
        if enabled is True:
            await _collect_ambiguous(ambiguous, self._switch(domain, name, enabled=True))
        if ambiguous:
            raise ambiguous[0]

    async def delete_mailbox(self, domain: str, name: str) -> None:
        """Delete a mailbox with `users-delete`, after a check that it is no administrator (section 5.7)."""
        # An alias of this name would pass the bulk deletion, and an administrator cannot be created again.
        await self._verified(domain)
        found = await self._account(domain, name)
        token = (await self._calls.tokens.domain(domain)).token
        if found.mailbox.facts.is_admin or token.account == f"{name}@{domain}":
            where = self._calls.where(endpoints.DELETE_USER, domain)
            raise RefusedByServer(
                f"{where}: {name} is a domain administrator and was not deleted",
                hint="remove the administrator role in the server's web interface first",
            )
        await self._calls.write(endpoints.DELETE_USER, domain, input=[name], name=name)

    async def rename_mailbox(self, domain: str, old: str, new: str) -> None:
        """Rename a mailbox with `rename-user` (section 5.5), which only some builds have.

        There is no fallback: a deletion and a creation would lose the mail.
        """
        try:
            await self._calls.write(endpoints.RENAME_USER, domain, old=old, new=new)
        except NoSuchEndpoint as e:
            raise RefusedByServer(
                f"{e.message}; {old} was not changed, because deleting and recreating it would lose its mail",
                hint=f"remove the entry from `renamed` and declare {old}; declare {new} as an alias of it",
            ) from e

    async def create_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None:
        """Create an alias with `alias-put` (section 6.3)."""
        await self._calls.write(endpoints.CREATE_ALIAS, domain, oldName="", alias=encode.new_alias(name, values))

    async def update_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None:
        """Change an alias with `alias`, whose body is the complete object, read immediately before (section 6.3)."""
        await self._rewrite_alias(domain, name, name, values)

    async def rename_alias(self, domain: str, old: str, new: str) -> None:
        """Rename an alias with `alias`, whose body has another name than `oldName`."""
        await self._rewrite_alias(domain, old, new, {})

    async def delete_alias(self, domain: str, name: str) -> None:
        """Delete an alias with `alias-delete`. The bulk endpoint could delete a mailbox of that name (section 5.7)."""
        await self._calls.write(endpoints.DELETE_ALIAS, domain, name=name)

    async def create_domain_alias(self, domain: str, name: str) -> None:
        """Create a domain alias with `domain-alias-put`. Only administrators can skip the MX check (section 7)."""
        # The MX records of a new domain alias may not be published yet.
        check = "false" if self._calls.is_admin else "true"
        await self._calls.write(endpoints.CREATE_DOMAIN_ALIAS, domain, name=name, checkMx=check)

    async def delete_domain_alias(self, domain: str, name: str) -> None:
        """Delete a domain alias with `domain-alias-delete` (section 7)."""
        await self._calls.write(endpoints.DELETE_DOMAIN_ALIAS, domain, name=name)

    async def set_activations(self, domain: str, protocol: str, activations: Mapping[str, bool]) -> None:
        """Activate or deactivate `eas` or `mapi` for several mailboxes in one request (section 5.9).

        If the domain's switch is off, a server may confirm the write and do nothing. Only a new read shows that.
        """
        rows = [{"emailAddress": f"{name}@{domain}", "isActive": on} for name, on in sorted(activations.items())]
        await self._calls.write(_ACTIVATIONS[protocol], domain, rows=rows)

    async def _change_user(self, domain: str, name: str, values: Mapping[str, Value], password: Secret | None) -> None:
        current = await self._user(domain, name)
        body = encode.changed_user(current, values, password)
        secrets = () if password is None else (password,)
        await self._calls.write(endpoints.UPDATE_USER, domain, secrets, email=f"{name}@{domain}", userData=body)

    async def _switch(self, domain: str, name: str, *, enabled: bool) -> None:
        """Enable or disable the login of a mailbox. It still receives mail (section 5.6)."""
        disable = "false" if enabled else "true"
        # Only this endpoint can keep incoming mail enabled; post-user is the fallback for builds without it.
        try:
            await self._calls.write(endpoints.DISABLE_USERS, domain, disable=disable, allowMail="true", input=[name])
        except NoSuchEndpoint:
            body = encode.switched_user(await self._user(domain, name), enabled=enabled)
            await self._calls.write(endpoints.UPDATE_USER, domain, email=f"{name}@{domain}", userData=body)

    async def _user(self, domain: str, name: str) -> encode.Body:
        """The complete `userData`, verified to belong to this mailbox and domain."""
        await self._verified(domain)
        return dict(await self._user_data(domain, name))

    async def _rewrite_alias(self, domain: str, old: str, new: str, values: Mapping[str, Value]) -> None:
        await self._verified(domain)
        current = await self._alias_data(domain, old)
        where = self._calls.where(endpoints.ALIAS, domain)
        if "to" not in values and not isinstance(current.get("aliasTargetList"), list):
            raise UnexpectedAnswer(
                f"{where}: the targets of {old} are unknown, and a write could remove them; nothing was written"
            )
        await self._calls.write(
            endpoints.UPDATE_ALIAS, domain, oldName=old, alias=encode.changed_alias(current, new, values)
        )


async def _collect_ambiguous(ambiguous: list[AmbiguousWrite], work: Awaitable[None]) -> None:
    """Run one part of an update; append an AmbiguousWrite instead of raising it."""
    try:
        await work
    except AmbiguousWrite as e:
        ambiguous.append(e)
