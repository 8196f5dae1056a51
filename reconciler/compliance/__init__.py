"""DNS compliance: looks up what a domain publishes and compares it with what the product expects.

Belongs here: `resolver/` (the DNS client, the only user of dnspython, and the HTTPS fetcher), `gather.py` (asks the
questions of the checks), pure parsers in `records/`, pure checks in `checks/` (one file per check, one table), and the
records to publish. Banned here: knowledge of YAML, of the mail server's API, and of report formats. `records/` and
`checks/` never query DNS: a check names its questions and judges the answers.
"""
