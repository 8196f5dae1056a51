"""Saved plans: `plan --save FILE`, `apply --plan FILE`.

A saved plan holds the changes, and for each change salted digests of the current object at planning. It holds no
secret, only references to secrets. `apply --plan` makes exactly the reviewed changes and plans nothing again.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.app.header import generated
from reconciler.app.plan.planner import PlanRequest
from reconciler.app.saved.serialize import SavedDomain, plan_from, saved_plan_data
from reconciler.app.saved.signing import SigningKey, VerifyKey
from reconciler.config.schema.compiled import validator
from reconciler.config.workspace import Configuration
from reconciler.core.errors import StalePlan
from reconciler.core.model import Unset
from reconciler.core.plan import Change, Plan, canonical_json
from reconciler.core.planning.recheck import salted
from reconciler.core.secret import SecretRef

FORMAT_VERSION = 1
KIND = "SavedPlan"
DAY = timedelta(hours=24)
LONGEST = timedelta(days=366)
MAX_BYTES = 256 << 20
_SALT_BYTES = 16
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_AGAIN = "plan again, and have the new plan reviewed"
_WRITES_ONE = "`reconciler plan --save FILE` writes one"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A saved plan that is intact, not expired, and made for this workspace.

    Attributes:
        domains: every planned domain, also without changes, with the preconditions of its changes.
        salt: of the digests in the preconditions.
        request: the options of the plan; `today` is the day on which it was made.
        made, expires: in UTC.
    """

    domains: tuple[SavedDomain, ...]
    salt: bytes
    request: PlanRequest
    made: datetime
    expires: datetime

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans, one per domain, as saved."""
        return tuple(e.plan for e in self.domains)

    @classmethod
    def load(
        cls, path: Path, config: Configuration, *, key: VerifyKey | None = None, now: datetime | None = None
    ) -> "SavedPlan":
        """Reads a saved plan.

        Args:
            config: this workspace; the plan must have been made for it.
            key: the key that must have signed the plan; None = signatures are not checked.
            now: the time; for tests.

        Raises:
            StalePlan: it is not a saved plan of this version, was edited, is not signed with `key`, has expired, or
                was made for other servers, another workspace or other files.
        """
        data = _document(path)
        _check_whole(path, data, key)
        if not _is_one(data):
            raise _no_plan(path)
        made, expires = _time(path, data["generated"]["time"]), _time(path, data["expires"])
        if (now or datetime.now(UTC)) >= expires:
            raise StalePlan(f"{path} expired at {data['expires']}; nothing was changed", hint=_AGAIN)
        salt = bytes.fromhex(data["salt"])
        _check_place(path, data, config, salt)
        shown = {name: display for display, name in config.files.items()}
        try:
            domains = tuple(plan_from(d, shown) for d in data["domains"])
            request = _request(data)
        except ValueError as e:
            raise StalePlan(f"{path} cannot be applied: {e}", hint=_WRITES_ONE) from e
        _check_domains(path, domains, config)
        return cls(domains=domains, salt=salt, request=request, made=made, expires=expires)


def saved_plan(
    config: Configuration,
    request: PlanRequest,
    plans: Sequence[Plan],
    *,
    expires: timedelta = DAY,
    key: SigningKey | None = None,
    now: datetime | None = None,
) -> str:
    """The text of a saved plan. No plan is unfit, and each change has its current object in `current`.

    Args:
        plans: made from files or from a journal; applying does not plan again.
        expires: the time after `now` during which it can be applied.
        key: signs it.
        now: the time; for tests.
    """
    assert not unfit(plans), "the caller refuses unfit plans"
    # A new salt for each plan: nobody can compare the digests of two plans, or prepare a table of guesses.
    salt = secrets.token_bytes(_SALT_BYTES)
    document: dict[str, object] = {
        "formatVersion": FORMAT_VERSION,
        "kind": KIND,
        "generated": generated(config.root),
        "expires": _text((now or datetime.now(UTC)) + expires),
        "workspace": {"identity": _identity(config), "configuration": config.digest},
        # A digest in place of the address: a CI job may publish the file as an artifact.
        "servers": {name: _server(config, name, salt) for name in {p.server for p in plans}},
        "salt": salt.hex(),
        "asked": {
            "day": request.today.isoformat(),
            "prune": request.prune,
            "allowDeletions": request.allow_deletions,
            "targets": sorted(request.targets),
            "setPasswords": sorted(request.set_passwords),
        },
        "domains": [saved_plan_data(p, salt, config.files) for p in plans],
    }
    if key is not None:
        document["signature"] = key.sign(_message(document))
    return _written(document | {"integrity": _integrity(document)})


def unfit(plans: Sequence[Plan]) -> tuple[str, ...]:
    """The domains whose plan is incomplete or refused, and can therefore never be applied."""
    return tuple(p.domain for p in plans if p.refused or not p.complete)


def duration(text: str) -> timedelta:
    """Parses `30m`, `24h` or `7d`.

    Raises:
        ValueError: it is not a duration; the message is for users.
    """
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    found = int(match[1]) * _UNITS[match[2]] if match else timedelta()
    if not timedelta() < found <= LONGEST:
        raise ValueError(
            f"{text!r} is not a duration: write a number with m, h or d, like 30m, 24h or 7d; at most {LONGEST.days}d"
        )
    return found


def _document(path: Path) -> dict[str, Any]:
    """The parsed file. It must be spelled exactly as this program writes it, so that no byte can be changed."""
    try:
        with path.open("rb") as file:
            # One more byte shows that a file is too large, without reading all of it.
            raw = file.read(MAX_BYTES + 1)
        # The program writes all other characters as escapes.
        text = raw.decode("ascii")
        data = json.loads(text)
    except (OSError, ValueError, RecursionError) as e:
        raise _no_plan(path) from e
    if not isinstance(data, dict) or data.get("kind") != KIND or len(raw) > MAX_BYTES:
        raise _no_plan(path)
    version = data.get("formatVersion")
    # In Python, `true` equals 1.
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise StalePlan(f"{path} has formatVersion {version!r}; this program knows {FORMAT_VERSION}", hint=_AGAIN)
    if _written(data) != text:
        raise _edited(path)
    return data


def _is_one(data: Mapping[str, Any]) -> bool:
    try:
        return validator("saved-plan").decides.is_valid(data)
    except ValueError:  # a lone surrogate, which the validator cannot encode
        return False


def _check_whole(path: Path, data: Mapping[str, Any], key: VerifyKey | None) -> None:
    """Checks that the file was not edited, and that it is signed with the given key."""
    # The digest detects damage and careless edits. Only a signature stops a forger.
    if data.get("integrity") != _integrity(data):
        raise _edited(path)
    if key is None:
        return
    if "signature" not in data:
        raise StalePlan(
            f"{path} is not signed, and --verify-key requires a signature",
            hint="save the plan again with `plan --save FILE --sign-key KEY`",
        )
    if not key.verifies(data["signature"], _message(data)):
        text = f"{path} is not signed with the private key of {key.path} ({key.fingerprint})"
        raise StalePlan(text, hint="plan and sign again; nothing was changed")


def _check_place(path: Path, data: Mapping[str, Any], config: Configuration, salt: bytes) -> None:
    """Checks that the plan was made for these servers, this workspace and these files."""
    known = config.workspace.servers
    for name, digest in sorted(data["servers"].items()):
        # An unknown server is part of another workspace, which the checks below report.
        if name in known and digest != _server(config, name, salt):
            text = f"{path} was made for another server: {name} had another address or role; nothing was changed"
            raise StalePlan(text, hint=_AGAIN)
    if data["workspace"]["configuration"] == config.digest:
        return
    if data["workspace"]["identity"] == _identity(config):
        raise StalePlan(f"{path} was made from other files; nothing was changed", hint=_AGAIN)
    text = f"{path} was made for another workspace or other files: servers or domains differ; nothing was changed"
    raise StalePlan(text, hint="apply it in its own workspace, or plan again and have the new plan reviewed")


def _check_domains(path: Path, domains: Sequence[SavedDomain], config: Configuration) -> None:
    """Checks that domains, servers and references to secrets are those of the files, which are under review in git."""
    for expected in domains:
        plan = expected.plan
        desired = config.domains.get(plan.domain)
        if desired is None or desired.server != plan.server:
            raise _no_plan(path)
        boxes = {} if isinstance(desired.mailboxes, Unset) else desired.mailboxes
        for change in plan.changes:
            declared = boxes.get(change.name)
            if not _is_ours(change, declared.password if declared else None):
                text = f"{path}: the password reference of {change.key} is in no file"
                raise StalePlan(f"{text}; nothing was changed", hint=_AGAIN)
    # Results are kept by domain, so a second plan of a domain would be lost.
    if len({e.plan.domain for e in domains}) != len(domains):
        raise _no_plan(path)


def _is_ours(change: Change, declared: object) -> bool:
    """Whether the files hold the reference. An unsigned plan could otherwise run any command."""
    ref = change.password
    return ref is None or ref == declared or ref == SecretRef("generate")


def _request(data: Mapping[str, Any]) -> PlanRequest:
    asked = data["asked"]
    # The base commit is not saved: attribution helps the reviewer and does not affect the apply.
    return PlanRequest(
        today=date.fromisoformat(asked["day"]),
        prune=asked["prune"],
        allow_deletions=asked["allowDeletions"],
        targets=frozenset(asked["targets"]),
        set_passwords=frozenset(asked["setPasswords"]),
    )


def _identity(config: Configuration) -> str:
    """A digest that identifies a workspace independent of its contents: the names of its servers and domains."""
    names = canonical_json([sorted(config.workspace.servers), sorted(config.domains)])
    return "sha256:" + hashlib.sha256(names.encode()).hexdigest()


def _server(config: Configuration, name: str, salt: bytes) -> str:
    settings = config.workspace.servers[name]
    return salted(salt, "server", name, settings.url, settings.role)


def _message(document: Mapping[str, object]) -> bytes:
    """The signed message: the document without the signature and without the digest over it."""
    rest = {k: v for k, v in document.items() if k not in ("signature", "integrity")}
    # The prefix makes signatures of other kinds of documents invalid here.
    return b"reconciler saved plan\n" + _digest(rest).encode()


def _integrity(document: Mapping[str, object]) -> str:
    return _digest({k: v for k, v in document.items() if k != "integrity"})


def _digest(document: Mapping[str, object]) -> str:
    return "sha256:" + hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _written(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(path: Path, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as e:
        raise _no_plan(path) from e
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _no_plan(path: Path) -> StalePlan:
    return StalePlan(f"{path} is not a saved plan of these domains", hint=_WRITES_ONE)


def _edited(path: Path) -> StalePlan:
    text = f"{path} was edited or damaged after it was saved; nothing was changed"
    return StalePlan(text, hint=_AGAIN)
