"""DNS compliance: asks DNS what a domain publishes, and judges it against what the product expects.

Belongs here: the resolver (`resolver*.py`; `resolver.py`, `resolver_messages.py` and
`resolver_values.py` are the only users of dnspython), `gather.py` (asks the questions of the checks), pure
parsers under `records/`, pure checks under `checks/` (one file each, joined by a table), and the records to publish.
Banned here: knowledge of YAML, of the mail server's API, and of how reports look. `records/` and `checks/` never ask
DNS themselves: a check names its questions and judges the answers.
"""
