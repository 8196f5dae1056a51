from reconciler.core.expectations import CheckSetting, DnsOverrides, expectation

HOST = "mail1.example.net"


def test_without_overrides_everything_points_at_the_server() -> None:
    made = expectation(HOST)
    assert made.mx_hosts == (HOST,)
    assert made.autodiscover_host == made.autodiscover_srv_target == HOST
    assert made.spf_primary is None
    assert made.spf_secondary == ()
    assert made.dmarc_check is False
    assert made.dmarc_rua is None
    assert made.dmarc_policy == "none"


def test_the_domain_wins_over_the_product_field_by_field() -> None:
    product = DnsOverrides(mx_hosts=("mx1.example.net",), spf_primary="include:a.example", dmarc_check=True)
    domain = DnsOverrides(mx_hosts=("mx9.example.net",), dmarc_policy="reject")
    made = expectation(HOST, product, domain)
    assert made.mx_hosts == ("mx9.example.net",)
    assert made.spf_primary == "include:a.example"
    assert made.dmarc_check is True
    assert made.dmarc_policy == "reject"


def test_a_domain_can_switch_off_what_its_product_switches_on() -> None:
    made = expectation(HOST, DnsOverrides(dmarc_check=True), DnsOverrides(dmarc_check=False))
    assert made.dmarc_check is False


def test_unset_settings_are_taken_from_the_base() -> None:
    base = DnsOverrides(dmarc_rua="mailto:a@example.net", autodiscover_host="x.example.net")
    assert DnsOverrides(dmarc_rua="mailto:b@example.net").over(base) == DnsOverrides(
        dmarc_rua="mailto:b@example.net", autodiscover_host="x.example.net"
    )
    assert DnsOverrides().over(base) == base


def test_settings_of_checks_are_inherited_one_by_one() -> None:
    product = DnsOverrides(checks=(CheckSetting(id="dmarc", level="off"), CheckSetting(id="spf", level="warn")))
    domain = DnsOverrides(checks=(CheckSetting(id="dmarc", level="fail"), CheckSetting(id="mx", level="info")))
    made = expectation(HOST, product, domain)
    assert [(row.id, row.level) for row in made.checks] == [("dmarc", "fail"), ("mx", "info"), ("spf", "warn")]
    assert made.check("dane") is None
    assert made.check("mx") == CheckSetting(id="mx", level="info")


def test_by_default_a_domain_sends_and_its_senders_are_unknown() -> None:
    made = expectation(HOST)
    assert (made.sends, made.spf_senders, made.checks) == (True, (), ())
    product = DnsOverrides(sends=False, spf_senders=("192.0.2.4",))
    assert expectation(HOST, product).sends is False
    made = expectation(HOST, product, DnsOverrides(sends=True, spf_senders=()))
    assert (made.sends, made.spf_senders) == (True, ())
