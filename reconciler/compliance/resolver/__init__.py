"""DNS over the network: the only code besides `sandbox/dns` that uses dnspython, and one HTTPS fetcher."""
