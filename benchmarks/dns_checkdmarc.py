"""checkdmarc over the same domains, for a Python that has it: `python benchmarks/dns_checkdmarc.py PORT DOMAINS`.

It asks about other things too (DNSSEC, NS, MTA-STS, BIMI), and not about DKIM and Autodiscover. Not a part of this
project's environment: checkdmarc brings 27 packages.
"""

import json
import sys
import time

import checkdmarc  # type: ignore[import-not-found,unused-ignore]
import dns.nameserver


def main() -> None:
    """Prints what it costs."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    server = dns.nameserver.Do53Nameserver("127.0.0.1", port)
    domains = [f"d{number:05}.example" for number in range(count)]
    wall, cpu = time.perf_counter(), time.process_time()
    results = checkdmarc.check_domains(domains, nameservers=[server], timeout=5.0)
    cost = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "questions": 0}
    assert all(result["spf"]["valid"] and result["dmarc"]["valid"] for result in results), results[0]
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
