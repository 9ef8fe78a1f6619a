"""Files are replaced whole or not at all; secrets are for their owner."""

import pickle
import random
from itertools import islice
from pathlib import Path

import pytest

from cebox.errors import CeboxError, NotFound
from cebox.kit.backoff import wait_times
from cebox.kit.canonical import encode_canonical
from cebox.kit.files import replace_file, write_secret


def test_a_replaced_file_holds_the_new_content_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_content_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    replace_file(path, b"old")
    with pytest.raises(TypeError):
        replace_file(path, "text, not bytes")  # type: ignore[arg-type] # the fault under test
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    write_secret(tmp_path / "key", b"secret")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_equal_values_have_one_byte_form_and_a_float_has_none() -> None:
    assert encode_canonical({"b": 1, "a": ["é"]}) == '{"a":["é"],"b":1}'.encode()
    with pytest.raises(ValueError, match="float"):
        encode_canonical({"a": [{"b": 0.1}]})


def test_waits_grow_to_their_ceiling_with_jitter() -> None:
    waits = list(islice(wait_times(first_seconds=1, most_seconds=8, chance=random.Random(1)), 50))
    assert 0.5 <= waits[0] <= 1
    assert all(4 <= wait <= 8 for wait in waits[3:])
    assert len(set(waits)) == 50


def test_an_error_keeps_its_code_hint_and_family_through_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(NotFound("tag_unknown", "no such tag", hint="List them.")))
    assert isinstance(error, NotFound)
    assert isinstance(error, CeboxError)
    assert (error.code, str(error), error.hint) == ("tag_unknown", "no such tag [tag_unknown]", "List them.")
