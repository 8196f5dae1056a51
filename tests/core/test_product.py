import pytest

from reconciler.core.product import PasswordPolicy, password_faults

LAX = PasswordPolicy(min_length=1, require_uppercase=False, require_digit=False, require_special=False)


def faults(policy: PasswordPolicy, password: str, name: str = "alice", domain: str = "example.com") -> tuple[str, ...]:
    return password_faults(policy, password, local_part=name, domain=domain)


def test_a_good_password_has_no_faults() -> None:
    assert faults(PasswordPolicy(), "Corr3ct-Horse") == ()


def test_all_violated_rules_are_reported_together() -> None:
    assert faults(PasswordPolicy(), "abc") == (
        "it has fewer than 8 characters",
        "it has no upper-case letter",
        "it has no digit",
        "it has no special character",
    )


@pytest.mark.parametrize(
    ("policy", "password", "fault"),
    [
        (PasswordPolicy(min_length=12), "Sh0rt-Short", "it has fewer than 12 characters"),
        (PasswordPolicy(), "l0wer-case", "it has no upper-case letter"),
        (PasswordPolicy(), "No-Digits-Here", "it has no digit"),
        (PasswordPolicy(), "NoSpecial1", "it has no special character"),
        (PasswordPolicy(), "No Special1", "it has no special character"),
        (PasswordPolicy(), "xALICEx-1aA", "it contains the mailbox's name"),
        (PasswordPolicy(), "1A-Example.Com", "it contains the domain"),
        (PasswordPolicy(), "1A-exAMPle!", "it contains the domain's first label"),
    ],
)
def test_each_rule_has_its_own_message(policy: PasswordPolicy, password: str, fault: str) -> None:
    assert faults(policy, password) == (fault,)


def test_a_rule_that_is_switched_off_reports_nothing() -> None:
    assert faults(LAX, "abc") == ()


def test_a_first_label_of_three_letters_may_occur() -> None:
    assert faults(LAX, "my-abc-word", domain="abc.example") == ()
    assert faults(LAX, "my-abcd-word", domain="abcd.example") == ("it contains the domain's first label",)
