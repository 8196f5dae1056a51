"""Writing: each method returns only if the server said yes, and no request is ever sent twice."""

from collections.abc import Awaitable, Mapping

from reconciler.core.errors import AmbiguousWrite, NoSuchEndpoint, RefusedByServer, UnexpectedAnswer
from reconciler.core.model import Value
from reconciler.core.secret import Secret
from reconciler.smartermail import endpoints
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import decode as wire
from reconciler.smartermail.codec import encode as bodies
from reconciler.smartermail.codec.scalars import Fields
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.reader import ServerReader

# Writing a mailbox's forwarding: the list first, then the switch that gives it effect (API reference section 5.8).


async def write_forwarding(calls: Calls, domain: str, name: str, values: Mapping[str, Value]) -> None:
    """Replaces the list, what is not managed kept as it was, and sees to it that the mailbox may forward.

    The list is seen to be right before the switch is turned on: else an old one could come into effect.

    Raises:
        AmbiguousWrite: the list, or the switch, may or may not have been written.
    """
    email = f"{name}@{domain}"
    if not (await calls.tokens.domain(domain)).verified:
        await calls.domain_data(domain)
    current = await _list(calls, domain, email)
    wanted = bodies.forward_list(current, values)
    try:
        await calls.write(endpoints.UPDATE_FORWARDS, domain, email=email, mailboxForwardList=wanted)
    except AmbiguousWrite:
        if not values.get("forwarding.to") or not _same(await _list(calls, domain, email), wanted, domain):
            raise
    if values.get("forwarding.to"):
        await _switch_on(calls, domain, email)


async def _list(calls: Calls, domain: str, email: str) -> Fields:
    """The list as it is; empty where the server does not tell it, as some do while forwarding is switched off."""
    try:
        answer = await calls.read(endpoints.FORWARDS, domain, email=email)
    except RefusedByServer:
        if (await _mail_settings(calls, domain, email)).get("enableMailForwarding") is not False:
            raise
        return {}
    return wire.inner(answer, "mailboxForwardList", calls.where(endpoints.FORWARDS, domain))


async def _switch_on(calls: Calls, domain: str, email: str) -> None:
    settings = await _mail_settings(calls, domain, email)
    if settings.get("enableMailForwarding") is not True:
        merged = {**settings, "enableMailForwarding": True}
        await calls.write(endpoints.UPDATE_USER_MAIL, domain, email=email, userMailSettings=merged)


async def _mail_settings(calls: Calls, domain: str, email: str) -> Fields:
    answer = await calls.read(endpoints.USER_MAIL, domain, email=email)
    return wire.inner(answer, "userMailSettings", calls.where(endpoints.USER_MAIL, domain))


def _same(found: Fields, wanted: Fields, domain: str) -> bool:
    where = "forward list"
    return wire.forwarding({"mailboxForwardList": found}, domain, where) == wire.forwarding(
        {"mailboxForwardList": wanted}, domain, where
    )


_ACTIVATIONS: dict[str, Endpoint] = {"eas": endpoints.PATCH_EAS, "mapi": endpoints.PATCH_MAPI}


class ServerWriter(ServerReader):
    """Implements `reconciler.core.ports.Writer` over the API.

    Raises:
        RefusedByServer: the server said no; nothing was changed by that request.
        AmbiguousWrite: it may or may not have taken effect: read it again, then decide.
        Unreachable, RefusedCredentials: nothing was sent.
        UnexpectedAnswer: what a write builds upon could not be read; nothing was sent.
    """

    async def create_mailbox(self, domain: str, name: str, values: Mapping[str, Value], password: Secret) -> None:
        """`user-put` (section 5.4). One that is to be disabled is so afterwards, and goes on receiving mail."""
        user, mail, forward = bodies.new_user(name, values, password)
        doubt: AmbiguousWrite | None = None
        try:
            await self._calls.write(
                endpoints.CREATE_USER, domain, (password,), userData=user, userMailSettings=mail, forwardList=forward
            )
        except AmbiguousWrite as e:
            doubt = e
        if values.get("enabled") is False:
            try:
                await self._switch(domain, name, enabled=False)
            except RefusedByServer:
                if doubt is None:
                    raise
        if doubt is not None:
            raise doubt

    async def update_mailbox(
        self, domain: str, name: str, values: Mapping[str, Value], password: Secret | None
    ) -> None:
        """Each part by its own endpoint: access is taken away first and given last.

        A part whose answer is doubtful does not keep the others from being written; the doubt is raised at the end.
        """
        doubts: list[AmbiguousWrite] = []
        enabled = values.get("enabled")
        if enabled is False:
            await _doubted(doubts, self._switch(domain, name, enabled=False))
        if bodies.changes_account(values) or password is not None:
            await _doubted(doubts, self._change_user(domain, name, values, password))
        if bodies.forwards(values):
            await _doubted(doubts, write_forwarding(self._calls, domain, name, values))
        if enabled is True:
            await _doubted(doubts, self._switch(domain, name, enabled=True))
        if doubts:
            raise doubts[0]

    async def delete_mailbox(self, domain: str, name: str) -> None:
        """`users-delete`, after a look: the name must be a mailbox, and not an administrator's (section 5.7)."""
        await self._verified(domain)
        found = await self._account(domain, name)
        token = (await self._calls.tokens.domain(domain)).token
        if found.mailbox.facts.is_admin or token.account == f"{name}@{domain}":
            raise RefusedByServer(
                f"{self._calls.where(endpoints.DELETE_USER, domain)}: {name} administers the domain and is not deleted",
                hint="take that right away in the server's own interface first, if it is meant",
            )
        await self._calls.write(endpoints.DELETE_USER, domain, input=[name], name=name)

    async def rename_mailbox(self, domain: str, old: str, new: str) -> None:
        """`rename-user` (section 5.5), which few builds are known to have. Never a deletion and a creation instead."""
        try:
            await self._calls.write(endpoints.RENAME_USER, domain, old=old, new=new)
        except NoSuchEndpoint as e:
            raise RefusedByServer(
                f"{e.message}; {old} is as it was, for to delete it and make another would lose its mail",
                hint=f"take the rename back and declare {old}; {new} may be an alias of it",
            ) from e

    async def create_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None:
        """`alias-put` (section 6.3)."""
        await self._calls.write(endpoints.CREATE_ALIAS, domain, oldName="", alias=bodies.new_alias(name, values))

    async def update_alias(self, domain: str, name: str, values: Mapping[str, Value]) -> None:
        """`alias` with the complete object, read right before (section 6.3)."""
        await self._rewrite_alias(domain, name, name, values)

    async def rename_alias(self, domain: str, old: str, new: str) -> None:
        """`alias` with another name than `oldName`."""
        await self._rewrite_alias(domain, old, new, {})

    async def delete_alias(self, domain: str, name: str) -> None:
        """`alias-delete`, which cannot hit a mailbox of that name as the bulk endpoint could (section 5.7)."""
        await self._calls.write(endpoints.DELETE_ALIAS, domain, name=name)

    async def create_domain_alias(self, domain: str, name: str) -> None:
        """`domain-alias-put`; a system administrator may leave out the MX check, a customer may not (section 7)."""
        check = "false" if self._calls.is_admin else "true"
        await self._calls.write(endpoints.CREATE_DOMAIN_ALIAS, domain, name=name, checkMx=check)

    async def delete_domain_alias(self, domain: str, name: str) -> None:
        """`domain-alias-delete` (section 7)."""
        await self._calls.write(endpoints.DELETE_DOMAIN_ALIAS, domain, name=name)

    async def set_activations(self, domain: str, protocol: str, activations: Mapping[str, bool]) -> None:
        """Turns `eas` or `mapi` on and off for several mailboxes in one request (section 5.9).

        A server where the domain's switch is off may say yes and do nothing; only a new read shows that.
        """
        rows = [{"emailAddress": f"{name}@{domain}", "isActive": on} for name, on in sorted(activations.items())]
        await self._calls.write(_ACTIVATIONS[protocol], domain, rows=rows)

    async def _change_user(self, domain: str, name: str, values: Mapping[str, Value], password: Secret | None) -> None:
        current = await self._user(domain, name)
        body = bodies.changed_user(current, values, password)
        secrets = () if password is None else (password,)
        await self._calls.write(endpoints.UPDATE_USER, domain, secrets, email=f"{name}@{domain}", userData=body)

    async def _switch(self, domain: str, name: str, *, enabled: bool) -> None:
        """Enables or disables signing in; mail goes on arriving (section 5.6)."""
        disable = "false" if enabled else "true"
        try:
            await self._calls.write(endpoints.DISABLE_USERS, domain, disable=disable, allowMail="true", input=[name])
        except NoSuchEndpoint:
            body = bodies.switched_user(await self._user(domain, name), enabled=enabled)
            await self._calls.write(endpoints.UPDATE_USER, domain, email=f"{name}@{domain}", userData=body)

    async def _user(self, domain: str, name: str) -> bodies.Body:
        """The whole `userData`, seen to be this mailbox's, of this domain."""
        await self._verified(domain)
        return dict(await self._user_data(domain, name))

    async def _rewrite_alias(self, domain: str, old: str, new: str, values: Mapping[str, Value]) -> None:
        await self._verified(domain)
        current = await self._alias_data(domain, old)
        where = self._calls.where(endpoints.ALIAS, domain)
        if "to" not in values and not isinstance(current.get("aliasTargetList"), list):
            raise UnexpectedAnswer(f"{where}: the targets of {old} are unknown; writing it could empty them")
        await self._calls.write(
            endpoints.UPDATE_ALIAS, domain, oldName=old, alias=bodies.changed_alias(current, new, values)
        )


async def _doubted(doubts: list[AmbiguousWrite], work: Awaitable[None]) -> None:
    """Does one part, and notes a doubt instead of raising it."""
    try:
        await work
    except AmbiguousWrite as e:
        doubts.append(e)
