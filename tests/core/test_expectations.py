from reconciler.core.expectations import DnsOverrides, expectation

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


def test_what_is_left_open_is_taken_from_the_base() -> None:
    base = DnsOverrides(dmarc_rua="mailto:a@example.net", autodiscover_host="x.example.net")
    assert DnsOverrides(dmarc_rua="mailto:b@example.net").over(base) == DnsOverrides(
        dmarc_rua="mailto:b@example.net", autodiscover_host="x.example.net"
    )
    assert DnsOverrides().over(base) == base
