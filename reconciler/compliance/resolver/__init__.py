"""The DNS client and the HTTPS fetcher. Only this package and `sandbox/dns` use dnspython."""
