import copy
import json
import pickle
import traceback
from dataclasses import dataclass

import pytest

from reconciler.core.secret import Secret, SecretRef

VALUE = "hunter2-Very-Secret"


@dataclass(frozen=True)
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "shown",
    [
        str,
        repr,
        "{}".format,
        "{!r}".format,
        "{!s}".format,
        "%s".__mod__,
        "%r".__mod__,
        lambda s: f"{s}",
        lambda s: f"{s!a}",
    ],
)
def test_a_secret_prints_as_stars_however_it_is_printed(shown: object) -> None:
    assert shown(Secret(VALUE)) == "***"  # type: ignore[operator]


def test_a_secret_can_be_padded_like_any_text_and_still_shows_nothing() -> None:
    assert f"{Secret(VALUE):>6}" == "   ***"


def test_a_secret_inside_other_values_shows_nothing() -> None:
    secret = Secret(VALUE)
    for value in (Holder(secret), [secret], {"a": secret}, (secret,)):
        assert VALUE not in repr(value)


@pytest.mark.parametrize("attempt", [copy.copy, copy.deepcopy, pickle.dumps, lambda s: copy.deepcopy([s])])
def test_a_secret_cannot_be_pickled_or_copied(attempt: object) -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        attempt(Secret(VALUE))  # type: ignore[operator]


def test_a_secret_cannot_be_written_as_json() -> None:
    with pytest.raises(TypeError) as caught:
        json.dumps({"password": Secret(VALUE)})
    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_a_secret_has_no_dictionary_to_dump_and_takes_no_attributes() -> None:
    with pytest.raises(TypeError):
        vars(Secret(VALUE))
    with pytest.raises(AttributeError):
        Secret(VALUE).note = "x"  # type: ignore[attr-defined]


def test_a_secret_is_equal_only_to_itself() -> None:
    one = Secret(VALUE)
    assert one == one
    assert one != Secret(VALUE)
    assert one != VALUE


def test_only_reveal_gives_the_value() -> None:
    assert Secret(VALUE).reveal() == VALUE


def test_a_reference_prints_its_source() -> None:
    assert str(SecretRef("env", "ALICE")) == "env:ALICE"
    assert str(SecretRef("file", "/run/secret")) == "file:/run/secret"
    assert str(SecretRef("generate")) == "generate"
    assert SecretRef("env", "A").version == 1
