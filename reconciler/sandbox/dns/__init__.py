"""The embedded name server: zones, answers and faults."""
