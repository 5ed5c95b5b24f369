from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib

import png
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.errors import InputError, PersonalityError, PersonalityInvalid
from luminora.personality import card_json, card_png, from_card, read_card
from luminora.personality.carriers import parse_card
from luminora.personality.reader import MAX_BYTES

CARD = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"name": "Ñandú ✨"}}
V2 = {"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Old"}}


def charx(*entries, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def with_text(keyword, text):
    chunks = list(png.Reader(bytes=card_png(V2)).chunks())
    kept = [(kind, body) for kind, body in chunks if kind != b"tEXt"]
    out = io.BytesIO()
    png.write_chunks(out, [*kept[:-1], (b"tEXt", keyword + b"\0" + text), kept[-1]])
    return out.getvalue()


@pytest.mark.parametrize("card", [CARD, V2])
def test_every_carrier_gives_the_card_back(card, tmp_path):
    archive = charx(("card.json", card_json(card)), ("assets/icon/images/main.png", "x"))
    for data in (card_json(card), card_png(card), archive):
        path = tmp_path / "card"
        path.write_bytes(data)
        assert read_card(path) == card


def test_a_picture_keeps_its_pixels_and_carries_one_card():
    picture = card_png(V2)
    both = card_png(CARD, picture)
    assert parse_card(both) == CARD
    pixels = [list(png.Reader(bytes=data).read()[2]) for data in (picture, both)]
    assert pixels[0] == pixels[1]
    kinds = [kind for kind, _ in png.Reader(bytes=both).chunks()]
    assert kinds.count(b"tEXt") == 1


def test_version_3_is_preferred_to_the_copy_for_older_readers():
    chunks = list(png.Reader(bytes=card_png(V2)).chunks())
    text = b"ccv3\0" + base64.b64encode(card_json(CARD))
    out = io.BytesIO()
    png.write_chunks(out, [*chunks[:-1], (b"tEXt", text), chunks[-1]])
    assert parse_card(out.getvalue()) == CARD


def test_a_flipped_bit_in_any_chunk_is_noticed():
    data = card_png(CARD)
    for place in range(8, len(data), 7):
        broken = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(PersonalityInvalid):
            parse_card(broken)


def test_a_picture_cut_off_anywhere_is_refused():
    data = card_png(CARD)
    for end in range(0, len(data), 5):
        with pytest.raises(PersonalityInvalid):
            parse_card(data[:end])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (with_text(b"Comment", b"hi"), "carries no character card"),
        (with_text(b"chara", b"!!!"), "not valid base64"),
        (with_text(b"chara", base64.b64encode(b"no")), "malformed JSON"),
        (with_text(b"chara", base64.b64encode(b"[]")), "JSON object"),
        (with_text(b"chara", base64.b64encode(b" " * (MAX_BYTES + 9))), "larger than 1 MiB"),
        (charx(("other.json", "{}")), "no card.json"),
        (charx(("card.json", " " * (MAX_BYTES + 1))), "larger than 1 MiB"),
        (charx(("card.json", "{}"), ("../evil", "x")), "leaves the archive"),
        (charx(("card.json", "{}"), ("/etc/evil", "x")), "leaves the archive"),
        (charx(("card.json", "{}"), ("C:\\evil", "x")), "leaves the archive"),
        (b"PK\x03\x04 and nothing", "no sound CHARX"),
        (b" " * 5_000_000, "larger than 1 MiB"),
        (b"\xff\xd8\xff", "UTF-8"),
    ],
)
def test_bad_files_say_what_is_wrong(data, words):
    with pytest.raises(PersonalityInvalid) as caught:
        parse_card(data, where="card.png")
    assert words in caught.value.message
    assert "card.png" in caught.value.where


def test_an_archive_that_lies_about_its_size_or_is_encrypted_is_refused():
    bomb = bytearray(charx(("card.json", b" " * (8 << 20))))
    directory = bomb.index(b"PK\x01\x02")
    bomb[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(PersonalityInvalid):
        parse_card(bytes(bomb))
    locked = bytearray(charx(("card.json", b"{}")))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(PersonalityInvalid, match="encrypted"):
        parse_card(bytes(locked))


def test_a_picture_that_is_none_is_refused():
    with pytest.raises(PersonalityInvalid, match="not a PNG"):
        card_png(CARD, b"GIF89a")


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"{", card_png(CARD)[:60]]),
)
def test_random_bytes_raise_nothing_but_our_own(data, start):
    with pytest.raises((PersonalityError, InputError)):
        from_card(parse_card(start + data))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_archive_raises_nothing_but_our_own(place, change):
    data = bytearray(charx(("card.json", json.dumps(CARD)), ("assets/x", zlib.compress(b"x" * 99))))
    data[place % len(data)] ^= change
    try:
        card = parse_card(bytes(data))
    except PersonalityError:
        card = CARD
    assert isinstance(card, dict)
