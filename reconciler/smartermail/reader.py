"""Reading a domain: a constant number of requests, whatever its size, plus one for each costly field of the scope."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.errors import IncompleteRead, NoSuchEndpoint, RefusedByServer, UnexpectedAnswer
from reconciler.core.model import UNSET, Alias, CurrentDomain, DomainAlias, Mailbox, Unset
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.ports import ReadScope
from reconciler.smartermail import endpoints, lists
from reconciler.smartermail.calls import Calls
from reconciler.smartermail.codec import complete
from reconciler.smartermail.codec import decode as decode
from reconciler.smartermail.codec import decode_domain as decode_domain
from reconciler.smartermail.codec.decode import filled, merged, with_activations
from reconciler.smartermail.codec.scalars import Fields, flag, number
from reconciler.smartermail.lists import Rows, domain_names
from reconciler.smartermail.task_group import task_group
from reconciler.smartermail.transport.stats import CURRENT_COUNTS, RequestCounts

Forwarding = tuple[tuple[str, ...] | Unset, bool | Unset]


class ServerReader:
    """Implements `reconciler.core.ports.Reader` over the API."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        """The state of a domain within `scope` (API reference section 12).

        Raises:
            IncompleteRead: the answers cannot be complete.
            Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer: see `reconciler.core.errors`.
        """
        # Concurrent reads of other domains have their own counter, so that each result contains only its own requests.
        counts = RequestCounts()
        before = CURRENT_COUNTS.set(counts)
        try:
            current = await self._domain(domain, scope)
        finally:
            CURRENT_COUNTS.reset(before)
        return replace(current, requests=counts.requests)

    async def list_domains(self) -> tuple[str, ...]:
        """All domains of the server; for a customer, only the domain of the account."""
        return await domain_names(self._calls)

    async def read_mailbox(self, domain: str, name: str) -> Mailbox | None:
        """One mailbox with all readable fields; None if it does not exist, as the complete list confirms."""
        await self._verified(domain)
        try:
            found = await self._account(domain, name)
        # The server uses the same refusal for a missing mailbox and for other reasons. The list shows which one it is.
        except RefusedByServer:
            if name in await self._confirmed_users(domain):
                raise
            return None
        async with task_group() as group:
            forwarding = group.create_task(self._forwarding(domain, name))
            eas = group.create_task(self._activation(domain, name, "eas"))
            mapi = group.create_task(self._activation(domain, name, "mapi"))
        targets, keep_copy = forwarding.result()
        return replace(
            found.mailbox, forward_to=targets, forward_keep_copy=keep_copy, eas=eas.result(), mapi=mapi.result()
        )

    async def read_alias(self, domain: str, name: str) -> Alias | None:
        """One alias with all fields; None if it does not exist, as the complete list confirms."""
        await self._verified(domain)
        try:
            return await self._alias(domain, name)
        except (RefusedByServer, NoSuchEndpoint):
            if name in await self._confirmed_aliases(domain):
                raise
            return None

    async def read_domain_aliases(self, domain: str) -> Mapping[str, DomainAlias]:
        """All domain aliases of a domain."""
        async with task_group() as group:
            data = group.create_task(self._calls.domain_data(domain))
            found = group.create_task(lists.domain_aliases(self._calls, domain))
        self._check_count(len(found.result()), data.result(), "domainAliasCount", endpoints.DOMAIN_ALIASES, domain)
        return found.result()

    async def read_password_policy(self, domain: str) -> ServerPasswordPolicy | None:
        """The server's password policy for the domain (section 5.10); None if it is not reported."""
        try:
            answer = await self._calls.read(endpoints.PASSWORD_SETTINGS, domain)
        except (RefusedByServer, UnexpectedAnswer):
            return None
        return decode_domain.password_policy(answer)

    async def _domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
        calls = self._calls
        # A customer's session must be verified first: otherwise rows of another domain look like an incomplete read.
        own = None if calls.is_admin else await calls.domain_data(domain)
        # The lists are independent of each other, so that one round trip is enough.
        async with task_group() as group:
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
        async with task_group() as group:
            mailboxes_read = group.create_task(self._mailboxes(domain, users_read.result(), data, settings))
            aliases_found = group.create_task(self._aliases(domain, aliases_read.result(), data, scope.alias_flags))
        mailboxes, aliases = mailboxes_read.result(), aliases_found.result()
        complete.one_namespace(mailboxes, aliases, calls.where(endpoints.ALIASES, domain))
        mailboxes = await self._with_forwarding(domain, mailboxes, scope.forwarding)
        activated = {p: found for p, read in activations_read.items() if (found := read.result()) is not None}
        where = calls.where(endpoints.SETTINGS, domain)
        return CurrentDomain(
            domain=domain,
            mailboxes={n: with_activations(m, activated) for n, m in sorted(mailboxes.items())},
            aliases=dict(sorted(aliases.items())),
            domain_aliases=dict(sorted(others.items())),
            limits=decode_domain.limits(data, settings, where),
            dkim=decode_domain.dkim(settings),
            usage_bytes=decode_domain.usage(data, where),
        )

    async def _verified(self, domain: str) -> None:
        """Verify once per token that it belongs to the intended domain."""
        if not (await self._calls.tokens.domain(domain)).verified:
            await self._calls.domain_data(domain)

    async def _settings(self, domain: str) -> Fields:
        """`domainSettings`; empty if the server lacks the endpoint. DKIM and limits are then unknown."""
        try:
            answer = await self._calls.read(endpoints.SETTINGS, domain)
        except NoSuchEndpoint:
            return {}
        return decode.inner(answer, "domainSettings", self._calls.where(endpoints.SETTINGS, domain))

    async def _mailboxes(self, domain: str, rows: Rows, data: Fields, settings: Fields) -> dict[str, Mailbox]:
        """All mailboxes. Those with incomplete rows, as older builds send them, are read one by one."""
        where = self._calls.where(endpoints.USERS, domain)
        listed = {name: decode.account(row, name, where) for name, row in rows.items()}
        main = _main_admin(data, domain) or _main_admin(settings, domain)
        missing = {name for name, a in listed.items() if not a.is_complete}
        async with task_group() as group:
            single = {n: group.create_task(self._account(domain, n)) for n in sorted(missing)}
            unlisted = group.create_task(self._unlisted_admin(domain, main, rows))
        accounts = {n: merged(a, single[n].result()) if n in single else a for n, a in listed.items()}
        if (admin := unlisted.result()) is not None:
            accounts[admin.mailbox.name] = admin
        token = (await self._calls.tokens.domain(domain)).token
        mailboxes: dict[str, Mailbox] = {}
        for name, found in accounts.items():
            # If the server does not report the administrators, every mailbox counts as one, so that none is deleted.
            is_admin = not found.admin_known or name == main or token.account == f"{name}@{domain}"
            mailboxes[name] = decode.as_admin(found.mailbox, primary=name == main) if is_admin else found.mailbox
        complete.mailboxes(
            len(rows),
            len(mailboxes),
            number(data, "userCount", where),
            admin_found=any(m.facts.is_primary_admin for m in mailboxes.values()),
            where=where,
        )
        return mailboxes

    async def _unlisted_admin(self, domain: str, main: str, rows: Rows) -> decode.AccountRow | None:
        """The primary administrator, if the list omits it; otherwise None."""
        if not main or main in rows:
            return None
        try:
            return await self._account(domain, main)
        except RefusedByServer:
            return None

    async def _account(self, domain: str, name: str) -> decode.AccountRow:
        data = await self._user_data(domain, name)
        return decode.account(data, name, self._calls.where(endpoints.USER, domain))

    async def _user_data(self, domain: str, name: str) -> Fields:
        """`userData` of get-user (section 5.2), verified to belong to this mailbox."""
        answer = await self._calls.read(endpoints.USER, domain, email=f"{name}@{domain}")
        where = self._calls.where(endpoints.USER, domain)
        data = decode.inner(answer, "userData", where)
        if decode.row_name(data, domain, where, "userName") != name:
            raise UnexpectedAnswer(f"{where}: the answer describes another mailbox than {name}")
        return data

    async def _aliases(self, domain: str, rows: Rows, data: Fields, wanted: frozenset[str]) -> dict[str, Alias]:
        """All aliases. Those whose rows lack targets or managed flags are read one by one."""
        where = self._calls.where(endpoints.ALIASES, domain)
        self._check_count(len(rows), data, "aliasCount", endpoints.ALIASES, domain)
        listed = {name: decode.alias(row, name, domain, where) for name, row in rows.items()}
        missing = {
            name
            for name, a in listed.items()
            if isinstance(a.targets, Unset) or (name in wanted and not decode.carries_flags(a))
        }
        async with task_group() as group:
            single = {n: group.create_task(self._alias(domain, n)) for n in sorted(missing)}
        return {n: filled(a, single[n].result()) if n in single else a for n, a in listed.items()}

    async def _alias(self, domain: str, name: str) -> Alias:
        fields = await self._alias_data(domain, name)
        return decode.alias(fields, name, domain, self._calls.where(endpoints.ALIAS, domain))

    async def _alias_data(self, domain: str, name: str) -> Fields:
        """`alias` of the answer (section 6.2), verified to belong to this alias."""
        answer = await self._calls.read(endpoints.ALIAS, domain, name=name)
        where = self._calls.where(endpoints.ALIAS, domain)
        fields = decode.inner(answer, "alias", where)
        if decode.row_name(fields, domain, where, "name", "userName") != name:
            raise UnexpectedAnswer(f"{where}: the answer describes another alias than {name}")
        return fields

    async def _with_forwarding(
        self, domain: str, mailboxes: dict[str, Mailbox], wanted: frozenset[str]
    ) -> dict[str, Mailbox]:
        async with task_group() as group:
            reads = {n: group.create_task(self._forwarding(domain, n)) for n in sorted(wanted & mailboxes.keys())}
        found = {n: read.result() for n, read in reads.items()}
        return {
            n: replace(m, forward_to=found[n][0], forward_keep_copy=found[n][1]) if n in found else m
            for n, m in mailboxes.items()
        }

    async def _forwarding(self, domain: str, name: str) -> Forwarding:
        """The forwarding targets, and whether the mailbox keeps a copy (section 5.8).

        Some servers refuse this read while forwarding is disabled for the mailbox. Then nothing is forwarded.
        """
        email = f"{name}@{domain}"
        where = self._calls.where(endpoints.FORWARDS, domain)
        try:
            answer = await self._calls.read(endpoints.FORWARDS, domain, email=email)
        # Only a mailbox whose forwarding is provably off has an empty list. Otherwise the refusal is an error.
        except RefusedByServer:
            mail = await self._calls.read(endpoints.USER_MAIL, domain, email=email)
            fields = decode.inner(mail, "userMailSettings", self._calls.where(endpoints.USER_MAIL, domain))
            if flag(fields, "enableMailForwarding", where) is not False:
                raise
            return (), True
        return decode.forwarding(answer, domain, where)

    async def _activation(self, domain: str, name: str, protocol: str) -> bool | Unset:
        """Whether EAS or MAPI is activated for one mailbox; UNSET if this server does not report it."""
        try:
            found = await lists.activations(self._calls, domain, protocol)
        except (RefusedByServer, NoSuchEndpoint):
            return UNSET
        value = found.get(name, False)
        return UNSET if value is None else value

    async def _activations(self, domain: str, protocol: str, *, managed: bool) -> Mapping[str, bool | None] | None:
        """The activations of a protocol; None if they are unmanaged and this server does not report them."""
        try:
            return await lists.activations(self._calls, domain, protocol)
        except (RefusedByServer, UnexpectedAnswer):
            if managed:
                raise
            return None

    async def _confirmed_users(self, domain: str) -> Rows:
        """The complete list of mailboxes, checked for completeness, so that a name absent from it does not exist."""
        async with task_group() as group:
            data = group.create_task(self._calls.domain_data(domain))
            rows = group.create_task(lists.user_rows(self._calls, domain))
        await self._mailboxes(domain, rows.result(), data.result(), {})
        return rows.result()

    async def _confirmed_aliases(self, domain: str) -> Rows:
        async with task_group() as group:
            data = group.create_task(self._calls.domain_data(domain))
            rows = group.create_task(lists.alias_rows(self._calls, domain))
        self._check_count(len(rows.result()), data.result(), "aliasCount", endpoints.ALIASES, domain)
        return rows.result()

    def _check_count(self, found: int, data: Fields, key: str, endpoint: endpoints.Endpoint, domain: str) -> None:
        where = self._calls.where(endpoint, domain)
        complete.as_many(found, number(data, key, where), endpoint.name, where)


def _main_admin(fields: Fields, domain: str) -> str:
    """The local part of `mainDomainAdmin`; empty if unknown or of another domain."""
    value = fields.get("mainDomainAdmin")
    if not isinstance(value, str) or not value:
        return ""
    try:
        return decode.row_name({"name": value}, domain, "", "name")
    except IncompleteRead:
        return ""
