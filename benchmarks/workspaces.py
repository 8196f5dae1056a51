"""Generate workspaces of a given size. The same arguments give the same files."""

from pathlib import Path

HEAD = "apiVersion: reconciler/v1\nkind: Domain\ndomain: {domain}\nproduct: big\nserver: mail1\n"


def workspace(
    root: Path, *, domains: int, mailboxes: int, url: str = "http://127.0.0.1:9", dns: str = "127.0.0.1:9"
) -> Path:
    """Write a workspace with so many domains. Each has so many mailboxes and half as many aliases."""
    (root / "domains").mkdir(parents=True)
    (root / "products").mkdir()
    (root / "reconciler.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Workspace\nservers:\n  mail1:\n"
        f"    url: {url}\n    hostname: mail1.example.net\n"
        "    username: {env: SMARTERMAIL_USER}\n    password: {env: SMARTERMAIL_PASSWORD}\n"
        f'dns: {{resolvers: ["{dns}"]}}\n'
    )
    (root / "products" / "big.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Product\nlimits: {mailboxes: 0, mailboxQuota: 100 GiB}\n"
    )
    for number in range(domains):
        domain = f"d{number:05}.example"
        (root / "domains" / f"{domain}.yaml").write_text(domain_file(domain, mailboxes))
    return root


def domain_file(domain: str, mailboxes: int) -> str:
    """Return the text of a domain file: three lines for a mailbox, one for an alias."""
    lines = [HEAD.format(domain=domain), "mailboxes:"]
    for n in range(mailboxes):
        lines += [f"  user{n:05}:", f"    displayName: User Number {n}", f"    quota: {1 + n % 50} GiB"]
    lines.append("aliases:")
    # Two targets for each alias, so that targets are resolved, compared and sorted as in practice.
    lines += [f"  team{n:05}: [user{n:05}, user{(n + 1) % mailboxes:05}]" for n in range(mailboxes // 2 or 1)]
    return "\n".join(lines) + "\n"
