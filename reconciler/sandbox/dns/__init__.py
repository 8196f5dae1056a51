"""The embedded DNS server: zones, answers and faults."""
