# yaml-language-server: $schema=../../schemas/domain.schema.json
#
# Teaches: everything that a domain file can say, once.
apiVersion: reconciler/v1
kind: Domain
domain: example.com
product: business
server: mail1
mailboxes:
  alice:
    displayName: Alice Martin
    quota: 5 GiB                        # or "unlimited"; plain numbers are bytes
    password: {env: ALICE_PASSWORD}     # read only when Alice is created, or the version is raised
    forwarding:
      to: [alice@elsewhere.example]     # leaves the workspace: the plan says so
      keepCopy: true
    eas: true
    mapi: false
    protect: true                       # never deleted, whatever else is asked
  bob: {}                               # only that he exists; his password is generated and delivered once
  postmaster:
    quota: 500 MiB
aliases:
  sales:
    displayName: Sales team
    to: [alice, bob, partner@elsewhere.example]   # a bare name is in this domain
    allowSending: false
    hideFromGal: false
    internalOnly: false
  info: [alice]                         # short form: just the targets
domainAliases: [example.ca]
removed:                                # deletions are written down, so that they are reviewed
  mailboxes: [carol]                    # what is not there is no error
  aliases: [old-sales]
