"""Run checkdmarc on the same domains: `python benchmarks/dns_checkdmarc.py PORT DOMAINS`.

This needs a Python with checkdmarc. checkdmarc also checks DNSSEC, NS, MTA-STS and BIMI, but neither DKIM nor
Autodiscover. It brings 27 packages, so the environment of this project does not include it.
"""

import json
import sys
import time

import checkdmarc  # type: ignore[import-not-found,unused-ignore]
import dns.nameserver


def main() -> None:
    """Print the cost as one line of JSON."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    server = dns.nameserver.Do53Nameserver("127.0.0.1", port)
    domains = [f"d{number:05}.example" for number in range(count)]
    wall, cpu = time.perf_counter(), time.process_time()
    results = checkdmarc.check_domains(domains, nameservers=[server], timeout=5.0)
    cost = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "questions": 0}
    # A failed lookup would make the run cheaper and the comparison wrong.
    assert all(result["spf"]["valid"] and result["dmarc"]["valid"] for result in results), results[0]
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
