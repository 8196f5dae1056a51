"""The table of diagnostic codes, with the meaning, an example and the remedy of each.

A code is stable and never reused, because scripts and CI settings contain it. `explain CODE` and docs/diagnostics.md
show this table.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is wrong (without a full stop), lines of a file or a situation that cause it, and an instruction."""

    meaning: str
    example: str
    remedy: str


_YAML = {
    "YML001": Explanation(
        "the file is not valid YAML", "aliases: {info: [alice", "Fix the syntax at the line and column of the message."
    ),
    "YML002": Explanation(
        "a mapping contains the same key twice",
        "mailboxes:\n  bob: {quota: 1 GiB}\n  bob: {quota: 2 GiB}",
        "Delete one of the two keys.",
    ),
    "YML003": Explanation(
        "the file is not UTF-8 text",
        "A file that an editor saved as Latin-1.",
        "Save the file with the encoding UTF-8.",
    ),
    "YML004": Explanation(
        "the file is larger than 16 MiB or nested too deeply",
        "A generated file with millions of lines.",
        "Split the file. Each domain has a file of its own.",
    ),
    "YML005": Explanation(
        "an anchor, alias or merge key is not allowed here, or hides a key",
        "bob: {<<: *small, quota: 1 GiB}    # `small` has a quota too",
        "Write the values out.",
    ),
    "YML006": Explanation(
        "the file contains no document, or more than one",
        "domain: example.com\n---\ndomain: example.org",
        "Put each document into a file of its own, and delete empty files.",
    ),
    "YML007": Explanation("the file uses a YAML tag", "quota: !!int 5", "Delete the tag."),
    "YML008": Explanation("a key is not text", "mailboxes:\n  ? [a, b]\n  : {}", "Use text as the key."),
    "YML009": Explanation(
        "the file cannot be read", "A file that only root may read.", "Allow the current user to read the file."
    ),
    "YML010": Explanation(
        "the file contains a bidirectional control character (text may display in a different order)",
        "A name with the invisible character U+202E.",
        "Delete the character. Retype the line if you cannot see it.",
    ),
}
_SCHEMA = {
    "SCH001": Explanation(
        "a value does not match the schema",
        "quota: 1 GB    # units are KiB, MiB, GiB and TiB",
        "Use a value that the message or `reconciler schema` lists.",
    ),
    "SCH002": Explanation(
        "a key is unknown here", "bob: {quotta: 1 GiB}", "Correct the key. The message suggests the closest known key."
    ),
    "SCH003": Explanation(
        "a required key is missing", "kind: Domain\ndomain: example.com    # no product", "Add the key."
    ),
    "SCH004": Explanation(
        "the program does not know this apiVersion or kind",
        "apiVersion: reconciler/v2",
        "Use `apiVersion: reconciler/v1` and the kind of the folder, or update the program.",
    ),
}
_NAMES = {
    "NAM001": Explanation(
        "a name is not a valid local part, domain or address", "mailboxes:\n  a b: {}", "Correct the name."
    ),
    "NAM002": Explanation(
        "two names in one section are equal in canonical form",
        "mailboxes:\n  alice: {}\n  Alice: {}",
        "Delete one of the two. Names are compared in lower case.",
    ),
    "NAM003": Explanation(
        "the file name differs from the domain in the file",
        "domains/example.com.yaml with `domain: example.org`",
        "Rename the file, or correct `domain`.",
    ),
    "NAM004": Explanation(
        "two files declare the same domain",
        "domains/example.com.yaml and domains/Example.com.yaml",
        "Merge the two files into one.",
    ),
    "NAM005": Explanation(
        "a name is both a mailbox and an alias",
        "mailboxes: {info: {}}\naliases: {info: [alice]}",
        "Rename or delete one of the two.",
    ),
    "NAM006": Explanation(
        "a name is both declared and removed, or is renamed and used otherwise",
        "mailboxes: {bob: {}}\nremoved: {mailboxes: [bob]}",
        "Delete one of the two entries.",
    ),
    "NAM007": Explanation(
        "a domain alias is the domain itself or another domain of the workspace",
        "domain: example.com\ndomainAliases: [example.com]",
        "Delete the domain alias.",
    ),
    "NAM008": Explanation(
        "two domains of the workspace declare the same domain alias",
        "domainAliases: [example.ca]    # in two files",
        "Keep the domain alias in one file.",
    ),
    "NAM009": Explanation(
        "a domain mixes scripts, or looks like another domain of the workspace or a target",
        "to: [alice@exаmple.com]    # the third letter is Cyrillic",
        "Type the domain again. If it is correct, ignore the warning.",
    ),
}
_REFERENCES = {
    "REF001": Explanation(
        "the product has no file", "product: bussiness", "Correct the name, or add products/NAME.yaml."
    ),
    "REF002": Explanation(
        "the server is unknown, or missing in a workspace with several servers",
        "server: mail3",
        "Set `server` to a name from reconciler.yaml.",
    ),
    "REF003": Explanation(
        "a target in this workspace does not exist", "aliases: {sales: [alise]}", "Correct the target, or declare it."
    ),
    "REF004": Explanation(
        "aliases or forwards form a mail loop", "aliases:\n  a: [b]\n  b: [a]", "Remove one target of the loop."
    ),
    "REF005": Explanation(
        "a renamed resource is not declared under its new name",
        "renamed: {mailboxes: {robert: bob}}    # no mailbox bob",
        "Declare the new name.",
    ),
    "REF006": Explanation(
        "a declared name matches a pattern of policy.ignore",
        "policy: {ignore: {mailboxes: [svc-*]}}\nmailboxes: {svc-backup: {}}",
        "Delete the declaration, or change the pattern.",
    ),
}
_LIMITS = {
    "LIM001": Explanation(
        "there are more mailboxes than the product allows",
        "limits: {mailboxes: 25}    # and 26 mailboxes in the domain",
        "Remove mailboxes, or choose a larger product.",
    ),
    "LIM002": Explanation(
        "there are more aliases than the product allows",
        "limits: {aliases: 100}    # and 101 aliases in the domain",
        "Remove aliases, or choose a larger product.",
    ),
    "LIM003": Explanation(
        "there are more domain aliases than the product allows",
        "limits: {domainAliases: 0}    # and `domainAliases: [example.ca]` in the domain",
        "Remove domain aliases, or choose a product that includes them.",
    ),
    "LIM004": Explanation(
        "a quota is higher than the product allows",
        "limits: {mailboxQuota: 50 GiB}    # and `quota: 60 GiB` in the domain",
        "Lower the quota, or choose a larger product.",
    ),
    "LIM005": Explanation(
        "the sum of the quotas is larger than the size of the domain",
        "limits: {domainSize: 10 GiB}    # and three quotas of 5 GiB",
        "Lower the quotas, or choose a larger product.",
    ),
    "LIM006": Explanation(
        "the product does not offer EAS to customers, or allows fewer accounts",
        "offer: {eas: false}    # and `eas: true` on a mailbox",
        "Set `eas: false`, or ask the host to activate EAS.",
    ),
    "LIM007": Explanation(
        "the product does not offer MAPI to customers, or allows fewer accounts",
        "offer: {mapi: false}    # and `mapi: true` on a mailbox",
        "Set `mapi: false`, or ask the host to activate MAPI.",
    ),
}
_SECRETS = {
    "SEC001": Explanation(
        "the file contains a secret in plain text",
        "password: hunter2",
        "Use a reference, such as `{env: ALICE_PASSWORD}`. Change the password, because git keeps the old file.",
    ),
    "SEC002": Explanation(
        "the reference to a secret cannot be resolved here",
        "password: {env: ALICE_PASSWORD}    # the variable is not set",
        "Set the variable, or correct the reference.",
    ),
    "SEC003": Explanation(
        "a password breaks the product's policy",
        "passwordPolicy: {minLength: 12}    # and a password of 8 characters",
        "Choose another password. `reconciler password --product NAME` generates one.",
    ),
    "SEC004": Explanation(
        "other users can read a file that contains a secret",
        "password: {file: secrets/alice}    # with mode 644",
        "Run `chmod 600 FILE`.",
    ),
    "SEC005": Explanation(
        "the program cannot tell whether a version of a password was applied",
        "password: {env: ALICE_PASSWORD, version: 2}    # without a journal",
        "Restore the journal, or set the password with `--set-password ADDRESS`.",
    ),
    "SEC006": Explanation(
        "a secret comes from a command, and the workspace allows no commands",
        "password: {command: [pass, show, alice]}",
        "Set `secrets: {commands: true}` in reconciler.yaml if you trust the files.",
    ),
    "SEC007": Explanation(
        "the base commit lacks the address or command of a server, so the plan does not log in",
        "A pull request that changes `url` of a server.",
        "Merge the change of the server first.",
    ),
    "SEC008": Explanation(
        "a recipient of generated passwords is invalid or cannot be checked here",
        "secrets: {recipients: [age1abc]}",
        "Correct the recipient, or install the extra `age`.",
    ),
    "SEC009": Explanation(
        "an encrypted file with a secret is not in the workspace",
        "password: {sops: {file: ../secrets.yaml, key: alice}}",
        "Move the file into the workspace.",
    ),
}
_WORKSPACE = {
    "WSP001": Explanation(
        "a file of the workspace cannot be used",
        "products/standard.yaml and products/standard.yml",
        "Follow the hint of the message: keep one of the files, or make the file readable.",
    ),
    "WSP002": Explanation(
        "a name, file or pattern on the command line matches nothing",
        "reconciler plan exampel.com",
        "Correct the name. `reconciler status` lists the domains.",
    ),
    "WSP003": Explanation(
        "the address of a server is not safe to use",
        "url: http://mail.example.net    # passwords would travel unencrypted",
        "Use https://. http:// is for addresses on loopback only.",
    ),
    "WSP004": Explanation(
        "a file that the workspace names is outside of the workspace",
        "caBundle: ../../ca.pem",
        "Move the file into the workspace.",
    ),
    "WSP005": Explanation(
        "the names of two files differ only in upper and lower case",
        "domains/example.com.yaml and domains/Example.com.yaml",
        "Rename one of the files. Some file systems treat the two names as one.",
    ),
    "WSP006": Explanation(
        "a copy of a schema in the workspace differs from the schema of the program",
        "schemas/domain.schema.json from an earlier version of the program",
        "Run `reconciler schema --write` and commit the change.",
    ),
}
_GUARDS = {
    "GRD001": Explanation(
        "the plan deletes a protected resource",
        "removed: {mailboxes: [postmaster]}",
        "Remove the protection in a separate change, apply it, then delete the resource.",
    ),
    "GRD002": Explanation(
        "the plan deletes more than the policy allows",
        "policy: {maxDeletions: {count: 5}}    # and 6 names under `removed`",
        "Check each deletion. Then use `--allow-deletions N` with the exact number.",
    ),
    "GRD003": Explanation(
        "the plan deletes or disables an administrator of the domain",
        "mailboxes: {boss: {enabled: false}}    # boss administers the domain",
        "Make another account the administrator on the server first.",
    ),
    "GRD004": Explanation(
        "the number of deletions differs from --allow-deletions",
        "reconciler apply --allow-deletions 3    # and the plan deletes 4",
        "Check the deletions again, then use the number in the message.",
    ),
    "GRD005": Explanation(
        "a rename is not possible",
        "renamed: {mailboxes: {robert: bob}}    # bob exists already",
        "Follow the reason in the message, or delete the entry.",
    ),
    "GRD006": Explanation(
        "the server did not return a managed field, so the program writes nothing",
        "The file manages the quota of a mailbox, and the answer of the server has no quota.",
        "Check the role and the rights of the account, or stop managing the field.",
    ),
    "GRD007": Explanation(
        "an alias or forward would send mail outside, which the policy denies",
        "policy: {externalForwarding: deny}\nforwarding: {to: [alice@elsewhere.example]}",
        "Remove the target, or add its domain to `policy.externalForwardingDomains`.",
    ),
    "GRD008": Explanation(
        "there are more resources than a limit allows, unmanaged ones included",
        "limits: {mailboxes: 25}    # 20 declared and 6 unmanaged mailboxes",
        "Delete unmanaged resources, or choose a larger product.",
    ),
    "GRD009": Explanation(
        "a removed resource waits for its date",
        "removed: {mailboxes: [{carol: {purgeAfter: 2027-01-31}}]}",
        "Nothing to do: the first apply on or after that day deletes it.",
    ),
    "GRD010": Explanation(
        "the plan deletes a mailbox whose protection the same change removes",
        "A pull request that deletes `protect: true` and adds the name to `removed`.",
        "Split the change: remove the protection, apply, then delete.",
    ),
    "GRD011": Explanation(
        "the files use a feature that is switched off on the server",
        "eas: true    # EAS is off for the domain",
        "Switch the feature on in SmarterMail, or remove it from the file.",
    ),
    "GRD012": Explanation(
        "an alias or forward would point at a deleted address",
        "aliases: {sales: [bob]}\nremoved: {mailboxes: [bob]}",
        "Remove the address from the targets, in the same change or before.",
    ),
    "GRD013": Explanation(
        "a quota is larger than the size limit of the domain",
        "quota: 50 GiB    # the domain may have 10 GiB",
        "Lower the quota. The server enforces the limit of the domain.",
    ),
}
_OTHERS = {
    "RBK001": Explanation(
        "a change of a run cannot be undone",
        "The run deleted a mailbox: its mail is lost.",
        "Restore the mail from a backup of the server.",
    ),
    "RBK002": Explanation(
        "an object changed after the run, so the rollback leaves it alone",
        "Someone changed the quota after the run.",
        "Change the file by hand, if you still want the earlier value.",
    ),
    "RBK003": Explanation(
        "the journal does not show whether a run made a change",
        "The runner was killed during a write.",
        "Compare the object on the server with the plan, then change the file.",
    ),
    "RBK004": Explanation(
        "a domain of the run is not in the workspace any more, or is on another server",
        "The file of the domain was deleted after the run.",
        "Restore the file of the domain to roll back that part.",
    ),
    "BAS001": Explanation(
        "the files at the base commit cannot be used, so the plan shows no attribution",
        "reconciler plan --base origin/main    # with an invalid file on main",
        "Fix the file on the base branch.",
    ),
    "BAS002": Explanation(
        "a domain of the base commit has no file any more",
        "A pull request that deletes domains/example.com.yaml.",
        "Restore the file, unless the program should stop managing the domain.",
    ),
    "SRV001": Explanation(
        "a server is unreachable",
        "The connection is refused or times out.",
        "Check `url`, the network and the server, then run the command again.",
    ),
    "SRV002": Explanation(
        "a server rejected the credentials",
        "A wrong value in SMARTERMAIL_PASSWORD.",
        "Set the right user name and password. The program does not retry, to avoid a lockout.",
    ),
    "SRV003": Explanation(
        "the answer of a server cannot be used",
        "A proxy answers with an HTML page.",
        "Check that `url` is the address of SmarterMail.",
    ),
    "SRV004": Explanation(
        "a read was incomplete, so the program leaves the domain alone",
        "The server lists 40 of 50 mailboxes.",
        "Run the command again. If it persists, check the rights of the account.",
    ),
    "SRV005": Explanation(
        "the server rejected a request", "The account may not read a domain.", "Follow the reason in the message."
    ),
    "SRV006": Explanation(
        "a server runs a build with known vulnerabilities",
        "A build of SmarterMail before a security fix.",
        "Update SmarterMail.",
    ),
}
EXPLANATIONS: dict[str, Explanation] = (
    _YAML | _SCHEMA | _NAMES | _REFERENCES | _LIMITS | _SECRETS | _WORKSPACE | _GUARDS | _OTHERS
)
"""Code -> its explanation, in the order of the documentation."""

CODES: dict[str, str] = {code: explanation.meaning for code, explanation in EXPLANATIONS.items()}
"""Code -> its meaning."""
