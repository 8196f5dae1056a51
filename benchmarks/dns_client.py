"""One client run in a process of its own: `python -m benchmarks.dns_client WAY PORT DOMAINS [QUESTIONS]`.

Ways: `ask` writes down the questions of the five checks; `loop` sends them through a bare `dns.asyncresolver`;
`lookup` through our resolver; `audit` checks the domains with the five checks, `usual` with all that are usual. What a
run costs is a line of JSON; the start of Python and the making of subjects do not count.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

import dns.asyncresolver
import dns.exception

from benchmarks import dns_zone
from reconciler.compliance.checks import CHECKS, FIRST, Check
from reconciler.compliance.gather import check_subjects
from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.compliance.subject import Subject
from reconciler.core.lookups import Answer, RecordType

CONCURRENCY = 20
"""Of the bare loop; more makes it slower (it is CPU that it waits for)."""
TIMEOUT = 5.0

Questions = list[tuple[str, RecordType]]


class Recorder:
    """The resolver, and what was asked of it, each question once."""

    def __init__(self, resolver: DnsResolver) -> None:
        self.resolver = resolver
        self.asked: dict[tuple[str, RecordType], None] = {}

    async def lookup(self, name: str, rtype: RecordType) -> Answer:
        """Passed on."""
        self.asked[name, rtype] = None
        return await self.resolver.lookup(name, rtype)

    async def lookup_at(self, server: str, name: str, rtype: RecordType) -> Answer:
        """Passed on."""
        return await self.resolver.lookup_at(server, name, rtype)


async def ask(port: int, count: int) -> Questions:
    """The questions of the five checks, without repetitions."""
    recorder = Recorder(DnsResolver([("127.0.0.1", port)], TIMEOUT))
    reports = await check_subjects(dns_zone.subjects(count), recorder, table=FIRST)
    statuses = {f"{finding.id}: {finding.code}" for report in reports for finding in report.checks}
    print(f"{', '.join(sorted(statuses))}", file=sys.stderr)
    return list(recorder.asked)


async def loop(port: int, questions: Questions) -> int:
    """A bare loop: so many workers, each question once."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], port, TIMEOUT
    resolver.use_edns(0, 0, 1232)
    todo = iter(questions)

    async def worker() -> None:
        for name, rtype in todo:
            try:
                await resolver.resolve(f"{name}.", rtype, search=False)
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                continue

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return len(questions)


async def lookup(port: int, questions: Questions) -> int:
    """The same through our resolver."""
    resolver = DnsResolver([("127.0.0.1", port)], TIMEOUT)
    todo = iter(questions)

    async def worker() -> None:
        for name, rtype in todo:
            answer = await resolver.lookup(name, rtype)
            assert not answer.unknown, answer

    await asyncio.gather(*(worker() for _ in range(50)))
    return resolver.sent


async def audit(port: int, subjects: list[Subject], table: tuple[Check, ...]) -> int:
    """The checks themselves, from the question to the finding."""
    resolver = DnsResolver([("127.0.0.1", port)], TIMEOUT)
    await check_subjects(subjects, resolver, table=table)
    return resolver.sent


def timed(work: Awaitable[int]) -> str:
    """What a run costs."""

    async def run() -> int:
        return await work

    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    sent = asyncio.run(run())
    return json.dumps({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "questions": sent})


def main() -> None:
    """See the module."""
    way, port, count, *files = sys.argv[1:]
    match way:
        case "ask":
            Path(files[0]).write_text(json.dumps(asyncio.run(ask(int(port), int(count)))))
        case "loop":
            print(timed(loop(int(port), json.loads(Path(files[0]).read_text()))))
        case "lookup":
            print(timed(lookup(int(port), json.loads(Path(files[0]).read_text()))))
        case "audit":
            print(timed(audit(int(port), dns_zone.subjects(int(count)), FIRST)))
        case "usual":
            print(timed(audit(int(port), dns_zone.subjects(int(count)), CHECKS)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
