"""Row 36: the policy that applies to a domain without a record, and the organization of a domain."""

import pytest

from reconciler.compliance.records.dmarc_walk import follow, names
from reconciler.core.lookups import Answer, Txt

NAME = "_dmarc.example.com"


def organization(domain, **records):
    """The result of a walk. Keywords are domains with a record at `_dmarc`, with underscores as dots."""
    known = {key.replace("_", "."): text for key, text in records.items()}

    def answer(name):
        texts = known.get(name)
        found = (Txt((f"v=DMARC1; p=none; {texts}",)),) if texts is not None else ()
        return Answer(name=name, rtype="TXT", outcome="records" if found else "nxdomain", records=found)

    return follow(domain, answer)


def test_the_organizational_domain_is_the_highest_with_a_record():
    assert organization("a.b.example.com", example_com="", b_example_com="").organization == "example.com"


def test_a_domain_without_any_record_on_the_walk_is_its_own_organization():
    walk = organization("a.b.example.com")
    assert (walk.organization, walk.above) == ("a.b.example.com", None)


def test_psd_n_marks_the_organizational_domain_and_ends_the_walk():
    walk = organization("a.b.example.com", b_example_com="psd=n", example_com="")
    assert (walk.organization, walk.above.domain) == ("b.example.com", "b.example.com")


def test_below_a_public_suffix_the_organizational_domain_is_one_label_longer_with_or_without_a_record():
    walk = organization("a.b.x.bank", bank="psd=y", b_x_bank="")
    assert (walk.organization, walk.above.domain) == ("x.bank", "bank")
    walk = organization("a.b.x.bank", bank="psd=y", x_bank="", b_x_bank="")
    assert (walk.organization, walk.above.domain) == ("x.bank", "x.bank")


def test_a_public_suffix_is_its_own_organization():
    assert organization("bank", bank="psd=y").organization == "bank"


def test_a_walk_has_at_most_eight_names():
    assert len(names("a.b.c.d.e.f.g.h.i.j.example.com")) == 8
    assert names("a.b.c.d.e.f.g.com")[1] == "b.c.d.e.f.g.com"
    assert names("com") == ("com",)


def test_a_subdomain_that_does_not_exist_gets_np_and_one_that_exists_sp(finding):
    above = f"{NAME} TXT v=DMARC1; p=quarantine; sp=none; np=reject; rua=mailto:a@example.com"
    found = finding("dmarc", (above,), domain="a.example.com")
    assert (found.status, found.title) == ("pass", "The policy of example.com applies: reject")
    assert "np=reject" in found.detail
    found = finding("dmarc", (above, "a.example.com A 192.0.2.1"), domain="a.example.com")
    assert (found.status, found.code) == ("warn", "DMARC_NONE")
    assert "sp=none" in found.detail


def test_a_test_flag_of_a_parent_domain_weakens_the_policy(finding):
    above = f"{NAME} TXT v=DMARC1; p=quarantine; t=y; rua=mailto:a@example.com"
    found = finding("dmarc", (above, "a.example.com A 192.0.2.1"), domain="a.example.com")
    assert (found.status, found.code, len(found.fix)) == ("warn", "DMARC_NONE", 1)


def test_an_ignored_record_of_a_parent_domain_does_not_apply(finding):
    found = finding("dmarc", (f"{NAME} TXT v=DMARC1; p=x", "a.example.com A 192.0.2.1"), domain="a.example.com")
    assert (found.status, found.code) == ("fail", "DMARC_MISSING")


def test_the_policy_of_a_parent_domain_applies(finding):
    lines = (
        "_dmarc.example.com TXT v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@b.example",
        "a.b.example.com A 192.0.2.1",
    )
    found = finding("dmarc", lines, domain="a.b.example.com")
    assert (found.status, found.title) == ("pass", "The policy of example.com applies: quarantine")
    assert found.found[0].name == NAME


def test_the_walk_stops_at_psd_and_the_registrys_policy_applies_only_without_another_one(finding, fake):
    registry = "_dmarc.bank TXT v=DMARC1; p=reject; psd=y; rua=mailto:a@b.example"
    found = finding("dmarc", (registry, "a.x.bank A 192.0.2.1"), domain="a.x.bank")
    assert found.title == "The policy of bank applies: reject"
    own = "_dmarc.x.bank TXT v=DMARC1; p=quarantine; rua=mailto:a@b.example"
    assert finding("dmarc", (registry, own), domain="a.x.bank").title == "The policy of x.bank applies: quarantine"
    dns = fake("_dmarc.b.example.com TXT v=DMARC1; p=reject; psd=n; rua=mailto:a@b.example")
    finding("dmarc", dns, domain="a.b.example.com")
    assert ("_dmarc.example.com", "TXT") not in dns.asked


def test_a_walk_asks_at_most_eight_names(finding, fake):
    dns = fake("com A 192.0.2.1")
    finding("dmarc", dns, domain="a.b.c.d.e.f.g.h.i.j.example.com")
    asked = [name for name, _ in dns.asked if name.startswith("_dmarc")]
    assert asked == [
        "_dmarc.a.b.c.d.e.f.g.h.i.j.example.com",
        "_dmarc.f.g.h.i.j.example.com",
        "_dmarc.g.h.i.j.example.com",
        "_dmarc.h.i.j.example.com",
        "_dmarc.i.j.example.com",
        "_dmarc.j.example.com",
        "_dmarc.example.com",
        "_dmarc.com",
    ]


@pytest.mark.parametrize("name", ["_dmarc.a.example.com", "_dmarc.example.com", "_dmarc.com"])
def test_a_failed_lookup_on_the_walk_is_an_error(finding, name):
    found = finding("dmarc", ("a.example.com A 192.0.2.1", f"{name} TXT !refused"), domain="a.example.com")
    assert (found.status, found.fix) == ("error", ())
