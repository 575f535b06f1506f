"""The page as a person, a window envelope and a scanner see it: both forms of DIN 5008, every kind,
both languages, the names of all sample customers."""

import html
import random
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake_portald import ADDRESS, LANGUAGE, LOGIN, NAME, Letter, code  # noqa: E402
from sandboxlib.customers import sample  # noqa: E402
from test_print import Station, program  # noqa: E402, F401

MM = 72 / 25.4
TOLERANCE = 1  # millimetres: a word's box is higher than its ink
WINDOW = {"B": (20, 45, 105, 90), "A": (20, 27, 105, 72)}
TEXT_TOP = {"B": 98.46, "A": 80.46}
INFORMATION_TOP = {"B": 50, "A": 32}
MARKS = {"B": (105, 148.5, 210), "A": (87, 148.5, 192)}
RETURN_HEIGHT = 17.7
SIX_LINES = "Firma1\nAbteilung2\nFrau3\nStraße4\n54321\nFRANKREICH"
RESOLUTIONS = (120, 150, 200, 250, 300)


@pytest.fixture
def station(program, tmp_path_factory):  # noqa: F811
    made = Station(program, tmp_path_factory.mktemp("page"))
    yield made
    made.portald.stop()


def words_of(path):
    """(word, left, top, right, bottom) in millimetres."""
    text = subprocess.run(["pdftotext", "-bbox", path, "-"], text=True, capture_output=True, check=True).stdout
    return [(word, *(float(value) / MM for value in box)) for *box, word in re.findall(
        r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>', text)]


def within(box, area):
    return (box[0] >= area[0] - TOLERANCE and box[1] >= area[1] - TOLERANCE
            and box[2] <= area[2] + TOLERANCE and box[3] <= area[3] + TOLERANCE)


def touches(box, area):
    return box[2] > area[0] and box[0] < area[2] and box[3] > area[1] and box[1] < area[3]


def picture(path, resolution, area=None):
    """Rows of bytes, 0 black to 255 white; area in millimetres."""
    place = []
    if area:
        pixels = [round(value * resolution / 25.4) for value in area]
        place = ["-x", pixels[0], "-y", pixels[1], "-W", pixels[2] - pixels[0], "-H", pixels[3] - pixels[1]]
    raw = subprocess.run(["pdftoppm", "-r", str(resolution), "-gray", "-singlefile", *map(str, place), path],
                         capture_output=True, check=True).stdout
    width, height = map(int, re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", raw).groups())
    data = raw[-width * height:]
    return [data[row * width:(row + 1) * width] for row in range(height)]


@pytest.mark.parametrize("form", ["A", "B"])
def test_the_address_lies_in_the_window_and_nothing_else_does(station, form):
    station.configure(form=form)
    letter, = station.portald.add(Letter(outside={ADDRESS: SIX_LINES}))
    station.prints()
    left, top, right, bottom = WINDOW[form]
    lines = {line: None for line in SIX_LINES.split("\n")}
    for word, *box in words_of(station.path(letter)):
        if not touches(box, WINDOW[form]):
            continue
        if word in lines:
            lines[word] = box
            assert within(box, (left, top + RETURN_HEIGHT, right, bottom)), (word, box)
        else:  # return address and remark
            assert within(box, (left, top, right, top + RETURN_HEIGHT)), (word, box)
    assert all(lines.values()), lines
    tops = [box[1] for box in lines.values()]
    assert all(abs(below - above - 27.3 / 6) < 0.1 for above, below in zip(tops, tops[1:]))


@pytest.mark.parametrize("form", ["A", "B"])
def test_information_text_and_margins_are_where_din_5008_has_them(station, form):
    station.configure(form=form)
    letter, = station.portald.add(Letter())
    station.prints()
    words = words_of(station.path(letter))
    by_word = {word: box for word, *box in words}
    date = by_word["Datum"]
    assert abs(date[0] - 125) < TOLERANCE and abs(date[1] - INFORMATION_TOP[form]) < 1
    number = by_word[letter.job]
    assert abs(number[0] - 125) < TOLERANCE and number[2] <= 200
    subject = min((box for word, *box in words if word == "Zugang"), key=lambda box: box[1])
    assert TEXT_TOP[form] - TOLERANCE <= subject[1] < TEXT_TOP[form] + 1.5
    for word, *box in words:
        assert box[0] >= 25 - TOLERANCE and box[2] <= 190 + TOLERANCE, (word, box)


@pytest.mark.parametrize("form", ["A", "B"])
def test_marks_for_folding_and_punching_are_at_the_edge(station, form):
    station.configure(form=form)
    letter, = station.portald.add(Letter())
    station.prints()
    dark = [number for number, row in enumerate(picture(station.path(letter), 254, (0, 0, 20, 297)))
            if min(row) < 230]
    found = [number / 10 for number in dark if number - 1 not in dark]
    assert len(found) == 3 and all(abs(seen - wanted) < 0.3 for seen, wanted in zip(found, MARKS[form])), found


def test_every_sample_customers_name_and_address_is_whole(station):
    customers = list(sample(60))
    letters = station.portald.add(*(
        Letter(outside={ADDRESS: "\n".join(who.address), NAME: f"{who.given} {who.surname}",
                        LANGUAGE: who.language, LOGIN: f"{who.uid}@mail.example"}) for who in customers))
    station.prints()
    for letter, who in zip(letters, customers):
        words = words_of(station.path(letter))
        zone = (20, 62.7, 105, 90)
        window = " ".join(html.unescape(word) for word, *box in words if touches(box, zone))
        # A line may go on in the next behind its hyphen.
        assert window.replace("- ", "-") == " ".join(who.address), window
        text = " ".join(html.unescape(word) for word, *box in words if not touches(box, zone))
        assert f" {who.given} {who.surname}, " in text, text


# Names and addresses of other scripts, and a word of each that stands by itself.
SCRIPTS = {
    "arabic": ("محمد عبد الرحمن الهاشمي", "شارع النيل ٢٤"),
    "hebrew": ("שרה לוי", "רחוב הרצל 12"),
    "persian": ("گلناز پورچیستا", "خیابان آزادی ۱۲"),
    "devanagari": ("प्रियंका श्रीवास्तव", "गाँधी मार्ग 12"),
    "thai": ("กัญญารัตน์ ศรีสุวรรณ", "ถนนสุขุมวิท 12"),
    "chinese": ("王小明", "上海市浦东新区世纪大道100号"),
    "japanese": ("山田 花子", "東京都千代田区丸の内1-1-1"),
    "korean": ("김민준", "서울특별시 종로구 세종대로 1"),
    "mixed": ("Sarah 王 Иванова-Weiß", "c/o قمر Hausverwaltung"),
}
RIGHT_TO_LEFT = ("arabic", "hebrew", "persian")
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>{directories}<cachedir>{cache}</cachedir></fontconfig>
"""
DIRECTIONS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"))


def only_fonts(place, monkeypatch, *names):
    """Lets the station see no other fonts than these directories'."""
    directories = "".join(f"<dir>/usr/share/fonts/truetype/{name}</dir>" for name in names)
    conf = place / "fonts.conf"
    conf.write_text(FONTS.format(directories=directories, cache=place / "cache"))
    monkeypatch.setenv("FONTCONFIG_FILE", str(conf))


def flat(text):
    """Without what a reader adds to show directions and gaps beside marks."""
    return "".join(text.translate(DIRECTIONS).split())


@pytest.mark.parametrize("form", ["A", "B"])
def test_names_and_addresses_of_every_script_are_whole_and_in_the_window(station, form):
    """Read back from the PDF; where the letters stand, and in fonts that it carries."""
    station.configure(form=form)
    letters = station.portald.add(*(
        Letter(outside={ADDRESS: f"{name}\n{street}\n50667 Köln\nDEUTSCHLAND", NAME: name})
        for name, street in SCRIPTS.values()))
    done = station.prints()
    for letter, (script, (name, street)) in zip(letters, SCRIPTS.items()):
        assert station.path(letter).exists(), (script, done.stderr)
        left, top, right, bottom = WINDOW[form]
        zone = (left, top + RETURN_HEIGHT, right, bottom)
        read = [subprocess.run(["pdftotext", order, station.path(letter), "-"], text=True, capture_output=True,
                               check=True).stdout for order in ("-layout", "-raw")]
        # Arabic digits run against their line, which no reader puts right.
        for wanted in (name, *street.split(), f"Guten Tag {name},"):
            assert any(flat(wanted) in flat(text) for text in read), (script, wanted, read[0])
        boxes = [box for _, *box in words_of(station.path(letter)) if touches(box, zone)]
        high = (left, zone[1] - 1, right, bottom)  # a Thai font's box is much higher than its ink
        assert len(boxes) >= 5 and all(within(box, high) for box in boxes), (script, boxes)
        between = picture(station.path(letter), 300, (left, zone[1] - 1, right, zone[1] + 0.5))
        assert any(min(row) > 200 for row in between), (script, "touches the remark above")
        # Whatever direction it is read in, an address begins at one edge: the window's.
        rows = {round(box[3]): min(other[0] for other in boxes if abs(other[3] - box[3]) < 2) for box in boxes}
        assert all(abs(start - 25) < TOLERANCE for start in rows.values()), (script, rows)
        assert all(embedded == ["yes", "yes", "yes"] for embedded in fonts_of(station.path(letter))), script


def test_a_right_to_left_name_runs_from_right_to_left_and_its_sentence_does_not(station):
    letters = station.portald.add(*(Letter(outside={ADDRESS: f"{SCRIPTS[script][0]}\n50667 Köln",
                                                    NAME: SCRIPTS[script][0]}) for script in RIGHT_TO_LEFT))
    station.prints()
    for letter, script in zip(letters, RIGHT_TO_LEFT):
        name = flat(SCRIPTS[script][0])
        shown = [(html.unescape(word).translate(DIRECTIONS), box) for word, *box in words_of(station.path(letter))]
        letters_of = [(word, box) for word, box in shown if word and word.strip(",") and word.strip(",") in name]
        greeting = next(box for word, box in shown if word == "Guten")
        for line in (lambda box: touches(box, WINDOW["B"]), lambda box: abs(box[3] - greeting[3]) < 3):
            found = sorted((item for item in letters_of if line(item[1])), key=lambda item: -item[1][2])
            assert "".join(word for word, _ in found).replace(",", "") == name, (script, found)
        assert all(box[0] > greeting[2] for _, box in found), script


def test_marks_above_and_below_a_line_do_not_touch_the_next(station):
    """Six lines with the highest and deepest marks: between two of them there is white paper."""
    lines = ["กี่ปู่ ศรีสุวรรณ", "ถนนสุขุมวิท", "श्रृंगार सिंह", "श्रीवास्तव कुटुम्ब", "Đặng Thị Ằ ổ Ẫ", "50667 Köln"]
    letter, = station.portald.add(Letter(outside={ADDRESS: "\n".join(lines)}))
    station.prints()
    top = WINDOW["B"][1] + RETURN_HEIGHT
    rows = picture(station.path(letter), 300, (24, top, 104, top + 27.3))
    ink = [min(row) < 160 for row in rows]
    blocks = sum(1 for above, row in zip([False, *ink], ink) if row and not above)
    assert blocks >= len(lines), blocks


def test_characters_that_no_font_has_refuse_the_letter_and_are_named(station, tmp_path, monkeypatch):
    only_fonts(tmp_path, monkeypatch, "lato", "hack", "dejavu")
    korean, thai, good = station.portald.add(
        Letter(outside={NAME: "김민준"}), Letter(outside={ADDRESS: "ก\nWeg 1\n50667 Köln"}), Letter())
    done = station.prints()
    rows = station.portald.rows()
    assert rows[korean.job]["failed"] == ("no installed font has 김 (U+AE40), 민 (U+BBFC), 준 (U+C900): "
                                          "install fonts-noto-cjk")
    assert rows[thai.job]["failed"] == "no installed font has ก (U+0E01): install fonts-noto-core"
    assert "fonts-noto-cjk" in done.stderr and station.files() == [f"{good.job}.pdf"]


def test_a_look_that_no_font_has_is_said_before_anything_is_claimed(station, tmp_path, monkeypatch):
    only_fonts(tmp_path, monkeypatch, "lato", "hack", "dejavu")
    station.configure(footer="株式会社")
    station.portald.add(Letter())
    done = station.run()
    assert done.returncode == 1 and "U+682A" in done.stderr and "fonts-noto-cjk" in done.stderr
    assert station.portald.asked == [] and station.files() == []


def valid(text):
    """A code by its check character, as portald reads it."""
    values = ["0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(symbol)
              for symbol in text.translate(str.maketrans("OIL", "011")).replace("-", "")]
    if len(values) != 16 or min(values) < 0:
        return False
    check = 0
    for value in values[:15]:
        check ^= value
        check = (check << 1 ^ (check >> 4) * 0x25) & 31
    return check == values[15]


def code_of(chance):
    """Like code(), but the same in every run, as is then what a scanner makes of it."""
    for _ in range(10000):
        made = "".join(chance.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(16))
        if valid(made):
            return made
    raise AssertionError("no code is right")


def reading(path, box, place, resolution):
    margin = 2.5
    left, top, right, bottom = box
    image = place / "code.pgm"
    rows = picture(path, resolution, (left - margin, top - 1, right + margin, bottom + 1))
    image.write_bytes(b"P5 %d %d 255\n" % (len(rows[0]), len(rows)) + b"".join(rows))
    done = subprocess.run(["tesseract", image, "-", "--psm", "7", "-l", "eng", "-c",
                           "tessedit_char_whitelist=0123456789ABCDEFGHJKMNPQRSTVWXYZ-"],
                          text=True, capture_output=True, check=True)
    return done.stdout.strip().replace(" ", "")


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("kind", ["access", "password", "puk"])
def test_codes_are_read_from_a_picture_of_the_page(station, tmp_path, kind, language):
    """Whoever copies them may misread a character; its check character then says so. One scan of
    several is right, and none that passes the check is wrong."""
    chance = random.Random(f"{kind} {language}")
    letter = Letter(kind, outside={LANGUAGE: language})
    letter.password = letter.password and code_of(chance)
    letter.puk = letter.puk and code_of(chance)
    station.portald.add(letter)
    station.prints()
    boxes = {word: box for word, *box in words_of(station.path(letter))}
    for each in letter.codes():
        readings = [reading(station.path(letter), boxes[each], tmp_path, resolution)
                    for resolution in RESOLUTIONS]
        assert {seen for seen in readings if valid(seen)} == {each}, (each, readings)


def test_check_characters_of_the_test_are_portalds():
    right, wrong = code(), code(wrong=1)
    assert valid(right) and not valid(wrong)


def codes_seen(path, place):
    image = place / "page.pgm"
    rows = picture(path, 200)
    image.write_bytes(b"P5 %d %d 255\n" % (len(rows[0]), len(rows)) + b"".join(rows))
    done = subprocess.run(["zbarimg", "--raw", "-q", image], text=True, capture_output=True, check=False)
    return done.stdout.splitlines()


def test_the_qr_code_is_the_portals_address_and_nothing_else(station, tmp_path):
    letter, = station.portald.add(Letter())
    station.prints()
    assert codes_seen(station.path(letter), tmp_path) == ["https://konto.versicherung.example"]
    station.configure(qr="no")
    without, = station.portald.add(Letter())
    station.prints()
    assert codes_seen(station.path(without), tmp_path) == []


def png(width, height, colour):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def images_of(path):
    """(width, height) of each picture in the PDF, in pixels."""
    done = subprocess.run(["pdfimages", "-list", path], text=True, capture_output=True, check=True).stdout
    return [tuple(map(int, line.split()[3:5])) for line in done.splitlines()[2:]]


@pytest.mark.parametrize("form, height", [("A", 15), ("B", 27)])
def test_logo_and_signature_are_shown_where_they_fit(station, form, height):
    (station.dir / "logo.png").write_bytes(png(900, 300, (200, 0, 0)))
    (station.dir / "signature.png").write_bytes(png(300, 60, (0, 0, 90)))
    station.configure(form=form, logo=station.dir / "logo.png",
                      signature_image=station.dir / "signature.png")
    letter, = station.portald.add(Letter())
    station.prints()
    path = station.path(letter)
    # Three times as wide as high, not above the upper edge, and clear of the window.
    top = {"A": 8, "B": 14}[form]
    high = min(height, 90 / 3)
    rows = picture(path, 254, (25, 0, 25 + 3 * high, WINDOW[form][1]))
    dark = [number / 10 for number, row in enumerate(rows) if max(row[5:-5]) < 200]
    assert abs(dark[0] - top) < 0.3 and abs(dark[-1] - top - high) < 0.4, (dark[0], dark[-1])
    assert len(images_of(path)) == 2
    # Not finer than a printer shows, so that each letter stays small.
    assert all(width <= 90 / 25.4 * 300 + 1 for width, _ in images_of(path))
    assert "Beispiel" in station.text(letter)


@pytest.mark.parametrize("content, why", [
    (b"not a picture", "not a PNG"),
    (png(1, 1, (0, 0, 0))[:-20], "can't be read as a PNG"),
    (png(4001, 1, (0, 0, 0)), "wider or higher than 4000 pixels"),
    (b"", "not a PNG"),
    (None, "No such file"),
])
def test_a_picture_that_cannot_be_had_is_said_before_anything_is_claimed(station, content, why):
    station.configure(logo=station.dir / "logo.png")
    if content is not None:
        (station.dir / "logo.png").write_bytes(content)
    station.portald.add(Letter())
    done = station.run()
    assert done.returncode == 1 and "logo.png" in done.stderr and why in done.stderr
    assert station.portald.asked == [] and station.files() == []


@pytest.mark.parametrize("key, value, why", [
    ("letterhead", "|".join("x" * 3 for _ in range(12)), "letterhead has too many lines"),
    ("footer", "|".join("x" * 3 for _ in range(12)), "footer has too many lines"),
    ("company", "Versicherung " * 20, "company doesn't fit"),
    ("portal_url", "https://konto.versicherung.example/" + "x" * 300, "too long for a QR code"),
    ("form", "C", "A or B"),
])
def test_a_look_that_does_not_fit_is_said_before_anything_is_claimed(station, key, value, why):
    station.configure(**{key: value})
    station.portald.add(Letter())
    done = station.run()
    assert done.returncode == 1 and why in done.stderr, done.stderr
    assert station.portald.asked == [] and station.files() == []


def fonts_of(path):
    """(embedded, a subset, with Unicode) of each font."""
    listed = subprocess.run(["pdffonts", path], text=True, capture_output=True, check=True).stdout
    return [line.split()[-5:-2] for line in listed.splitlines()[2:]]


def test_every_font_is_embedded(station):
    letter, = station.portald.add(Letter(outside={NAME: "Γιώργος Nguyễn Щукина"}))
    station.prints()
    fonts = fonts_of(station.path(letter))
    assert len(fonts) >= 3 and all(font == ["yes", "yes", "yes"] for font in fonts), fonts
