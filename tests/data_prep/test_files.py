"""JSON of other programs: read where it can be, otherwise one line says what is wrong."""

import pytest

from data_prep.files import read_json


def test_a_mark_of_byte_order_is_passed_over(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[" * 100_000, r"a\.json: expected JSON, found brackets nested too deep"),
        (b"{\n1}", r"a\.json, line 2: not JSON"),
        (b'"\xff"', r"a\.json: expected JSON in UTF-8, byte 1 is not"),
    ],
)
def test_what_is_no_json(tmp_path, text, message):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(ValueError, match=message):
        read_json(tmp_path / "a.json")
