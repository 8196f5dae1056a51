"""Reading a domain: a constant number of requests, whatever its size, and one more for each costly thing asked for."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.errors import IncompleteRead, NoSuchEndpoint, RefusedByServer, UnexpectedAnswer
from reconciler.core.model import UNSET, Alias, CurrentDomain, DomainAlias, Mailbox, Unset
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.ports import ReadScope
from reconciler.smartermail import endpoints, lists
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import complete
from reconciler.smartermail.codec import decode as wire
from reconciler.smartermail.codec import decode_domain as wire_domain
from reconciler.smartermail.codec.decode import filled, merged, with_activations
from reconciler.smartermail.codec.scalars import Fields, flag, number
from reconciler.smartermail.lists import Rows, domain_names
from reconciler.smartermail.together import together
from reconciler.smartermail.transport.stats import TALLY, RequestCounts

Forwarding = tuple[tuple[str, ...] | Unset, bool | Unset]


class ServerReader:
    """Implements `reconciler.core.ports.Reader` over the API."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        """The whole state of a domain, as far as `scope` asks (API reference section 12).

        Raises:
            IncompleteRead: what was read cannot be all there is.
            Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer: see `reconciler.core.errors`.
        """
        tally = RequestCounts()
        before = TALLY.set(tally)
        try:
            current = await self._domain(domain, scope)
        finally:
            TALLY.reset(before)
        return replace(current, requests=tally.requests)

    async def list_domains(self) -> tuple[str, ...]:
        """The domains of the server, whole; for a customer, the one that he administers."""
        return await domain_names(self._calls)

    async def read_mailbox(self, domain: str, name: str) -> Mailbox | None:
        """One mailbox with every field that can be read; None if there is none, which the whole list confirms."""
        await self._verified(domain)
        try:
            found = await self._account(domain, name)
        except RefusedByServer:
            if name in await self._confirmed_users(domain):
                raise
            return None
        async with together() as group:
            forwarding = group.create_task(self._forwarding(domain, name))
            eas = group.create_task(self._activation(domain, name, "eas"))
            mapi = group.create_task(self._activation(domain, name, "mapi"))
        targets, keep_copy = forwarding.result()
        return replace(
            found.mailbox, forward_to=targets, forward_keep_copy=keep_copy, eas=eas.result(), mapi=mapi.result()
        )

    async def read_alias(self, domain: str, name: str) -> Alias | None:
        """One alias with every field; None if there is none, which the whole list confirms."""
        await self._verified(domain)
        try:
            return await self._alias(domain, name)
        except (RefusedByServer, NoSuchEndpoint):
            if name in await self._confirmed_aliases(domain):
                raise
            return None

    async def read_domain_aliases(self, domain: str) -> Mapping[str, DomainAlias]:
        """All domain aliases of a domain."""
        async with together() as group:
            data = group.create_task(self._calls.domain_data(domain))
            found = group.create_task(lists.domain_aliases(self._calls, domain))
        self._check_count(len(found.result()), data.result(), "domainAliasCount", endpoints.DOMAIN_ALIASES, domain)
        return found.result()

    async def read_password_policy(self, domain: str) -> ServerPasswordPolicy | None:
        """What the server asks of a password of the domain (section 5.10); None where it does not tell."""
        try:
            answer = await self._calls.read(endpoints.PASSWORD_SETTINGS, domain)
        except (RefusedByServer, UnexpectedAnswer):
            return None
        return wire_domain.password_policy(answer)

    async def _domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        calls = self._calls
        # Whose domain a customer administers has to be known before its rows can be understood.
        own = None if calls.is_admin else await calls.domain_data(domain)
        async with together() as group:
            data_read = None if own else group.create_task(calls.domain_data(domain))
            settings_read = group.create_task(self._settings(domain))
            users_read = group.create_task(lists.user_rows(calls, domain))
            aliases_read = group.create_task(lists.alias_rows(calls, domain))
            others_read = group.create_task(lists.domain_aliases(calls, domain))
            managed = {p for p, is_managed in (("eas", scope.eas), ("mapi", scope.mapi)) if is_managed}
            activations_read = {
                p: group.create_task(self._activations(domain, p, managed=p in managed))
                for p in sorted(managed | scope.activations)
            }
        data, settings = data_read.result() if data_read else own or {}, settings_read.result()
        others = others_read.result()
        self._check_count(len(others), data, "domainAliasCount", endpoints.DOMAIN_ALIASES, domain)
        async with together() as group:
            mailboxes_read = group.create_task(self._mailboxes(domain, users_read.result(), data, settings))
            aliases_found = group.create_task(self._aliases(domain, aliases_read.result(), data, scope.alias_flags))
        mailboxes, aliases = mailboxes_read.result(), aliases_found.result()
        complete.one_namespace(mailboxes, aliases, calls.where(endpoints.ALIASES, domain))
        mailboxes = await self._with_forwarding(domain, mailboxes, scope.forwarding)
        activated = {p: told for p, read in activations_read.items() if (told := read.result()) is not None}
        where = calls.where(endpoints.SETTINGS, domain)
        return CurrentDomain(
            domain=domain,
            mailboxes={n: with_activations(m, activated) for n, m in sorted(mailboxes.items())},
            aliases=dict(sorted(aliases.items())),
            domain_aliases=dict(sorted(others.items())),
            limits=wire_domain.limits(data, settings, where),
            dkim=wire_domain.dkim(settings),
            usage_bytes=wire_domain.usage(data, where),
        )

    async def _verified(self, domain: str) -> None:
        """Sees to it that requests go to the intended domain."""
        if not (await self._calls.tokens.domain(domain)).verified:
            await self._calls.domain_data(domain)

    async def _settings(self, domain: str) -> Fields:
        """`domainSettings`; empty where the server has no such endpoint, so that DKIM and limits are unknown."""
        try:
            answer = await self._calls.read(endpoints.SETTINGS, domain)
        except NoSuchEndpoint:
            return {}
        return wire.inner(answer, "domainSettings", self._calls.where(endpoints.SETTINGS, domain))

    async def _mailboxes(self, domain: str, rows: Rows, data: Fields, settings: Fields) -> dict[str, Mailbox]:
        """All mailboxes. What the rows do not tell is asked for one by one, as older builds need it."""
        where = self._calls.where(endpoints.USERS, domain)
        told = {name: wire.account(row, name, where) for name, row in rows.items()}
        main = _main_admin(data, domain) or _main_admin(settings, domain)
        missing = {name for name, a in told.items() if not a.is_whole}
        async with together() as group:
            single = {n: group.create_task(self._account(domain, n)) for n in sorted(missing)}
            hidden = group.create_task(self._hidden(domain, main, rows))
        accounts = {n: merged(a, single[n].result()) if n in single else a for n, a in told.items()}
        if (admin := hidden.result()) is not None:
            accounts[admin.mailbox.name] = admin
        token = (await self._calls.tokens.domain(domain)).token
        mailboxes: dict[str, Mailbox] = {}
        for name, found in accounts.items():
            # Where the server does not say who administers the domain, nobody is deleted.
            is_admin = not found.admin_known or name == main or token.account == f"{name}@{domain}"
            mailboxes[name] = wire.as_admin(found.mailbox, primary=name == main) if is_admin else found.mailbox
        complete.mailboxes(
            len(rows),
            len(mailboxes),
            number(data, "userCount", where),
            admin_found=any(m.facts.is_primary_admin for m in mailboxes.values()),
            where=where,
        )
        return mailboxes

    async def _hidden(self, domain: str, main: str, rows: Rows) -> wire.AccountRow | None:
        """The primary administrator, where lists leave it out; None where they do not, or there is none."""
        if not main or main in rows:
            return None
        try:
            return await self._account(domain, main)
        except RefusedByServer:
            return None

    async def _account(self, domain: str, name: str) -> wire.AccountRow:
        data = await self._user_data(domain, name)
        return wire.account(data, name, self._calls.where(endpoints.USER, domain))

    async def _user_data(self, domain: str, name: str) -> Fields:
        """`userData` of get-user (section 5.2), seen to be this mailbox's."""
        answer = await self._calls.read(endpoints.USER, domain, email=f"{name}@{domain}")
        where = self._calls.where(endpoints.USER, domain)
        data = wire.inner(answer, "userData", where)
        if wire.row_name(data, domain, where, "userName") != name:
            raise UnexpectedAnswer(f"{where}: the answer is of another mailbox than {name}")
        return data

    async def _aliases(self, domain: str, rows: Rows, data: Fields, wanted: frozenset[str]) -> dict[str, Alias]:
        """All aliases; one by one those whose targets, or whose managed flags, the rows do not tell."""
        where = self._calls.where(endpoints.ALIASES, domain)
        self._check_count(len(rows), data, "aliasCount", endpoints.ALIASES, domain)
        told = {name: wire.alias(row, name, domain, where) for name, row in rows.items()}
        missing = {
            name
            for name, a in told.items()
            if isinstance(a.targets, Unset) or (name in wanted and not wire.carries_flags(a))
        }
        async with together() as group:
            single = {n: group.create_task(self._alias(domain, n)) for n in sorted(missing)}
        return {n: filled(a, single[n].result()) if n in single else a for n, a in told.items()}

    async def _alias(self, domain: str, name: str) -> Alias:
        fields = await self._alias_data(domain, name)
        return wire.alias(fields, name, domain, self._calls.where(endpoints.ALIAS, domain))

    async def _alias_data(self, domain: str, name: str) -> Fields:
        """`alias` of the answer (section 6.2), seen to be this alias's."""
        answer = await self._calls.read(endpoints.ALIAS, domain, name=name)
        where = self._calls.where(endpoints.ALIAS, domain)
        fields = wire.inner(answer, "alias", where)
        if wire.row_name(fields, domain, where, "name", "userName") != name:
            raise UnexpectedAnswer(f"{where}: the answer is of another alias than {name}")
        return fields

    async def _with_forwarding(
        self, domain: str, mailboxes: dict[str, Mailbox], wanted: frozenset[str]
    ) -> dict[str, Mailbox]:
        async with together() as group:
            reads = {n: group.create_task(self._forwarding(domain, n)) for n in sorted(wanted & mailboxes.keys())}
        found = {n: read.result() for n, read in reads.items()}
        return {
            n: replace(m, forward_to=found[n][0], forward_keep_copy=found[n][1]) if n in found else m
            for n, m in mailboxes.items()
        }

    async def _forwarding(self, domain: str, name: str) -> Forwarding:
        """Targets and whether a copy stays (section 5.8).

        Some servers refuse to tell the list while the mailbox may not forward; then nothing is forwarded.
        """
        email = f"{name}@{domain}"
        where = self._calls.where(endpoints.FORWARDS, domain)
        try:
            answer = await self._calls.read(endpoints.FORWARDS, domain, email=email)
        except RefusedByServer:
            mail = await self._calls.read(endpoints.USER_MAIL, domain, email=email)
            fields = wire.inner(mail, "userMailSettings", self._calls.where(endpoints.USER_MAIL, domain))
            if flag(fields, "enableMailForwarding", where) is not False:
                raise
            return (), True
        return wire.forwarding(answer, domain, where)

    async def _activation(self, domain: str, name: str, protocol: str) -> bool | Unset:
        """Whether one mailbox has a seat; UNSET where this server does not tell."""
        try:
            found = await lists.activations(self._calls, domain, protocol)
        except (RefusedByServer, NoSuchEndpoint):
            return UNSET
        value = found.get(name, False)
        return UNSET if value is None else value

    async def _activations(self, domain: str, protocol: str, *, managed: bool) -> Mapping[str, bool | None] | None:
        """Who has a seat; None where nobody manages them and this server does not tell."""
        try:
            return await lists.activations(self._calls, domain, protocol)
        except (RefusedByServer, UnexpectedAnswer):
            if managed:
                raise
            return None

    async def _confirmed_users(self, domain: str) -> Rows:
        """The whole list, seen to be whole, before anything is concluded from a name that is not in it."""
        async with together() as group:
            data = group.create_task(self._calls.domain_data(domain))
            rows = group.create_task(lists.user_rows(self._calls, domain))
        await self._mailboxes(domain, rows.result(), data.result(), {})
        return rows.result()

    async def _confirmed_aliases(self, domain: str) -> Rows:
        async with together() as group:
            data = group.create_task(self._calls.domain_data(domain))
            rows = group.create_task(lists.alias_rows(self._calls, domain))
        self._check_count(len(rows.result()), data.result(), "aliasCount", endpoints.ALIASES, domain)
        return rows.result()

    def _check_count(self, found: int, data: Fields, key: str, endpoint: endpoints.Endpoint, domain: str) -> None:
        where = self._calls.where(endpoint, domain)
        complete.as_many(found, number(data, key, where), endpoint.name, where)


def _main_admin(fields: Fields, domain: str) -> str:
    """The local part of `mainDomainAdmin`; empty where it is unknown or not of this domain."""
    value = fields.get("mainDomainAdmin")
    if not isinstance(value, str) or not value:
        return ""
    try:
        return wire.row_name({"name": value}, domain, "", "name")
    except IncompleteRead:
        return ""
