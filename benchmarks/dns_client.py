"""Run one client in a separate process: `python -m benchmarks.dns_client MODE PORT DOMAINS [QUERIES]`.

Modes: `ask` writes the queries of the five checks to a file; `loop` sends them through a bare `dns.asyncresolver`;
`lookup` sends them through our resolver; `audit` runs the five checks on the domains; `usual` runs all default checks.
The cost is one line of JSON. It excludes the start of Python and the preparation of the subjects.
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
"""Concurrent queries of the bare loop. More make it slower, because it is limited by the CPU."""
TIMEOUT = 5.0

Queries = list[tuple[str, RecordType]]


class Recorder:
    """A resolver that records each distinct query."""

    def __init__(self, resolver: DnsResolver) -> None:
        self.resolver = resolver
        self.asked: dict[tuple[str, RecordType], None] = {}

    async def lookup(self, name: str, rtype: RecordType) -> Answer:
        """Pass the query on to the resolver."""
        self.asked[name, rtype] = None
        return await self.resolver.lookup(name, rtype)

    async def lookup_at(self, server: str, name: str, rtype: RecordType) -> Answer:
        """Pass the query on to the resolver."""
        return await self.resolver.lookup_at(server, name, rtype)


async def ask(port: int, count: int) -> Queries:
    """Return the distinct queries of the five checks."""
    recorder = Recorder(DnsResolver([("127.0.0.1", port)], TIMEOUT))
    reports = await check_subjects(dns_zone.subjects(count), recorder, table=FIRST)
    statuses = {f"{finding.id}: {finding.code}" for report in reports for finding in report.checks}
    # A reader of the log can see that all checks pass, so that the zone fits the subjects.
    print(f"{', '.join(sorted(statuses))}", file=sys.stderr)
    return list(recorder.asked)


async def loop(port: int, queries: Queries) -> int:
    """Send each query once through dnspython, with CONCURRENCY workers."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], port, TIMEOUT
    # The same payload size as our resolver, so that both get the same answers.
    resolver.use_edns(0, 0, 1232)
    # All workers take from one iterator, so that none is idle while queries remain.
    todo = iter(queries)

    async def worker() -> None:
        for name, rtype in todo:
            try:
                await resolver.resolve(f"{name}.", rtype, search=False)
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                continue

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return len(queries)


async def lookup(port: int, queries: Queries) -> int:
    """Send each query once through our resolver."""
    resolver = DnsResolver([("127.0.0.1", port)], TIMEOUT)
    todo = iter(queries)

    async def worker() -> None:
        for name, rtype in todo:
            answer = await resolver.lookup(name, rtype)
            # An overloaded server would turn the benchmark into one of timeouts.
            assert not answer.unknown, answer

    await asyncio.gather(*(worker() for _ in range(50)))
    return resolver.sent


async def audit(port: int, subjects: list[Subject], table: tuple[Check, ...]) -> int:
    """Run the checks from the queries to the findings."""
    resolver = DnsResolver([("127.0.0.1", port)], TIMEOUT)
    await check_subjects(subjects, resolver, table=table)
    return resolver.sent


def timed(work: Awaitable[int]) -> str:
    """Return the cost of a run as JSON."""

    async def run() -> int:
        return await work

    # The garbage of the preparation does not belong to the measured work.
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    sent = asyncio.run(run())
    return json.dumps({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "questions": sent})


def main() -> None:
    """Run the mode that the command line names."""
    mode, port, count, *files = sys.argv[1:]
    match mode:
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
