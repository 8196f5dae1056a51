"""The table of diagnostic codes: stable, never reused; one line each says what it means."""

CODES: dict[str, str] = {
    # YAML
    "YML001": "the file is not valid YAML",
    "YML002": "a key is used twice in one mapping",
    "YML003": "the file is not UTF-8 text",
    "YML004": "the file is larger than 16 MiB or nested too deeply",
    "YML005": "an anchor, alias or merge key is used where it is not allowed, or hides a key",
    "YML006": "the file holds more than one document, or none",
    "YML007": "a YAML tag is used",
    "YML008": "a key is not text",
    "YML009": "the file cannot be read",
    # Schema
    "SCH001": "a value does not fit the schema",
    "SCH002": "a key is not known here",
    "SCH003": "a required key is missing",
    "SCH004": "the apiVersion or kind is not one that this program knows",
    # Names
    "NAM001": "a name cannot be a local part, domain or address",
    "NAM002": "two names in one section are the same in canonical form",
    "NAM003": "the file's name is not its domain's",
    "NAM004": "two files describe one domain",
    "NAM005": "a name is both a mailbox and an alias",
    "NAM006": "a name is both declared and removed, or both renamed and something else",
    "NAM007": "a domain alias is the domain itself or another domain of the workspace",
    "NAM008": "a domain alias is declared twice in the workspace",
    # References
    "REF001": "a product is named that has no file",
    "REF002": "a server is named that the workspace does not have, or none is named where there are several",
    "REF003": "a target in this domain (or another domain of the workspace) does not exist",
    "REF004": "aliases or forwardings go round in a loop",
    "REF005": "a renamed resource is not declared under its new name",
    "REF006": "a name is declared that the workspace's policy ignores",
    # Limits
    "LIM001": "more mailboxes than the product allows",
    "LIM002": "more aliases than the product allows",
    "LIM003": "more domain aliases than the product allows, or any where none are sold",
    "LIM004": "a mailbox's quota is higher than the product allows",
    "LIM005": "the quotas add up to more than the domain's size",
    "LIM006": "EAS is not offered to customers by the product, or more accounts than allowed",
    "LIM007": "MAPI is not offered to customers by the product, or more accounts than allowed",
    # Secrets
    "SEC001": "a secret is written in clear",
    "SEC002": "a secret's reference cannot be resolved here",
    "SEC003": "a password does not satisfy the product's policy",
    "SEC004": "a file with a secret can be read by others",
    "SEC005": "it cannot be known whether a password's version was applied",
    # Workspace
    "WSP001": "the workspace cannot be used",
    "WSP002": "nothing matches a name, file or pattern on the command line",
    "WSP003": "a server's address is not safe to use",
    # Guards
    "GRD001": "a protected resource would be deleted",
    "GRD002": "more deletions than the policy allows",
    "GRD003": "an administrator of the domain would be deleted or disabled",
    "GRD004": "the number of deletions is not the one that was allowed",
    "GRD005": "a rename cannot be done",
    "GRD006": "a managed field could not be read, so nothing is written",
    "GRD007": "forwarding or an alias would send mail outside, which the policy denies",
    "GRD008": "more resources than a limit allows, unmanaged ones counted",
    "GRD009": "a removed resource waits for the day of its deletion",
    # Reading the servers
    "SRV001": "a server cannot be reached",
    "SRV002": "a server refused the credentials",
    "SRV003": "a server's answer cannot be used",
    "SRV004": "a read was incomplete, so the domain is left alone",
    "SRV005": "the server refused",
}
