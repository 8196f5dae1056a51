"""What the check `spf` may say: each code's meaning, and what to do."""

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        "SPF_OK": "The record is valid, keeps to the limits, and allows the mail server as far as that is known.",
        "SPF_MISSING": "No TXT record at the domain begins with v=spf1: receivers cannot tell its mail from forged "
        "mail. Publish the record that is proposed.",
        "SPF_MEANT": "A TXT record looks like an SPF record but is none, because of a slip such as quotes or a "
        "missing space. Delete it, and publish the record that is proposed.",
        "SPF_SEVERAL": "There are several SPF records, so receivers use none (RFC 7208 section 4.5). Publish the "
        "merged record that is proposed, and delete all others.",
        "SPF_INVALID": "A term is not valid, or leads to what cannot be evaluated: that voids the whole record "
        "(sections 4.6 and 5.2). Mend or remove the term that is named.",
        "SPF_JOINED": "The strings of the record are joined without anything between (section 3.3), and a space is "
        "missing there. Put it at the end of the first string.",
        "SPF_LOOKUPS": "More than ten terms query DNS, so receivers give up (section 4.6.4). Remove includes that "
        "are no longer used; the tree shows what each term costs.",
        "SPF_LOOKUPS_NEAR": "Nine or ten terms query DNS, ten are allowed: what others change in their records may "
        "break this one. Remove includes that are no longer used.",
        "SPF_VOID_LOOKUPS": "More than two of the names that it asks for do not exist, so receivers may give up "
        "(section 4.6.4). Remove the terms that are named.",
        "SPF_NOT_ALLOWED": "Neither the product's primary mechanism nor a secondary one stands in it as a term that "
        "gives a pass before all. Publish the record that is proposed.",
        "SPF_SECONDARY": "A mechanism is there that is accepted, but another one is recommended. Nothing has to be "
        "done.",
        "SPF_NOT_FOLLOWED": "Some terms depend on the mail being checked, so what they lead to is not in the tree.",
        "SPF_SENDER_REFUSED": "Evaluated as receivers do it (section 4), mail from one of the server's own "
        "addresses does not pass. Publish the record that is proposed, or mend the record of the include that "
        "should allow it.",
        "SPF_SENDER_UNKNOWN": "What decides about one of the server's addresses could not be looked up. Check again "
        "later.",
        "SPF_SENDER_PASSES": "Mail from the address passes, by the terms that are named.",
        "SPF_SENDER_NOWHERE": "A host in dns.spf.senders has no address. Correct the name, or take it out.",
        "SPF_SENDERS_NOT_KNOWN": "dns.spf.senders names no outbound addresses, so the record was not evaluated for "
        "them. State them in the product.",
        "SPF_EXPECTATION": "A mechanism of the product is none. Correct dns.spf in the product.",
        "SPF_NO_PRIMARY": "The product names no mechanism, so the record was judged by itself.",
        "SPF_ALL_PASS": "Everybody may send in the domain's name. Replace the term by ~all.",
        "SPF_NO_ALL": "Nothing is said about other senders. End the record with ~all.",
        "SPF_ALL_NEUTRAL": "?all says nothing about other senders. Replace it by ~all.",
        "SPF_ALL_FAIL": "-all may have mail rejected before DKIM and DMARC are looked at (RFC 9989 section 7.1). A "
        "choice.",
        "SPF_IGNORED": "Terms after all, or a redirect beside it, have no effect (sections 5.1 and 6.1). Move or "
        "remove them.",
        "SPF_PTR": "ptr is slow, many receivers skip it, and it should not be used (section 5.5). Use a, mx or ip4.",
        "SPF_PTR_INCLUDED": "A record that is included uses ptr. Its owner should use something else.",
        "SPF_LONG": "The record is so long that answers may not fit into one datagram (section 3.4). Shorten it.",
        "SPF_SENDER_ID": "A record of Sender ID (spf2.0), which nobody uses any more (RFC 4406 is historic). Delete "
        "it.",
        "SPF_ALIAS": "The domain is a CNAME, so its SPF record is that of another name and nothing can be published "
        "here.",
        "SPF_ALIAS_AND_DATA": "The domain is a CNAME and has other records too, which is not allowed: resolvers may "
        "answer either (RFC 1034 section 3.6.2). Remove the CNAME.",
        "SPF_NO_PROPOSAL": "A merged record would not be valid, so none is proposed; the reason is named.",
        "SPF_PROPOSAL": "What was changed in the record that is proposed, beside what was added.",
    }
)
