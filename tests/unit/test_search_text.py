"""Text in whatever encoding it was saved: read right, or refused in the hosted service's words, never gibberish."""

from __future__ import annotations

import unicodedata

import pytest

from shared.search.parsing.formats import ParsingFailed
from shared.search.parsing.html import decode as decode_page
from shared.search.parsing.text import decode

TEXTS = {
    "cp1250": "Zażółć gęślą jaźń, dostawa do magazynu w Łodzi nastąpi w ciągu trzydziestu dni.",
    "cp1251": "Поставщик обязуется доставить оборудование до склада покупателя.",
    "cp1252": "Größere Änderungen bedürfen der Schriftform – „ausnahmslos“, auch à l’été.",
    "cp1253": "Η παράδοση γίνεται στην αποθήκη της Θεσσαλονίκης.",
    "cp1254": "Şişli'deki ağacın gölgesinde ödeme yapılır, tutanak imzalanır.",
    "cp1255": "המסירה תתבצע במחסן בתל אביב.",
    "cp1256": "يلتزم المورد بتسليم المعدات إلى مستودع المشتري خلال ثلاثين يوما.",
    "cp1257": "Tiekėjas įsipareigoja pristatyti įrangą į pirkėjo sandėlį per trisdešimt dienų.",
    "cp1258": "Nhà cung cấp cam kết giao thiết bị đến kho của người mua trong vòng ba mươi ngày.",
    "cp874": "ผู้จัดจำหน่ายตกลงที่จะส่งมอบอุปกรณ์ไปยังคลังสินค้า",
    "cp866": "Поставщик обязуется доставить оборудование до склада покупателя.",
    "koi8-r": "Поставщик обязуется доставить оборудование до склада покупателя.",
    "koi8-u": "Постачальник зобов'язується доставити обладнання до складу протягом її дії.",
    "iso8859-2": "Zażółć gęślą jaźń, dostawa do magazynu w Łodzi nastąpi w ciągu trzydziestu dni.",
    "cp437": "Für größere Änderungen gelten die Verträge über Zürich, danach müssen sie geprüft werden.",
    "cp850": "São Paulo: a solução não é rápida, e a população já está informada das condições.",
    "cp852": "Dodávka do skladu proběhne během třiceti dnů, účetní závěrka bude přiložena.",
    "cp857": "Müşteri şikâyeti için başvuru yapınız, ödeme ağacın gölgesinde yapılır.",
    "mac-roman": "Die Prüfung beginnt früh, größere Bäume wachsen über den Straßen und Gärten.",
    "mac-cyrillic": "Договор вступает в силу с момента подписания, стороны обязуются соблюдать его условия.",
    "mac-latin2": "Árvíztűrő tükörfúrógép és őszi szüret, a számla összege tízezer forint.",
    "gb18030": "供应商应在三十天内将设备交付至上海仓库。",
    "big5": "供應商應在三十天內交付設備到倉庫。",
    "euc_kr": "공급업체는 삼십일 이내에 서울 창고로 배송합니다.",
    "euc_jp": "請求書の支払期限は三十日です。納品は東京倉庫に行います。",
    "shift_jis": "請求書の支払期限は三十日です。納品は東京倉庫に行います。",
    "iso2022_jp": "請求書の支払期限は三十日です。納品は東京倉庫に行います。",
    "utf-16-le": "Поставщик обязуется доставить оборудование до склада покупателя.",
}


def encoded(text: str, encoding: str) -> bytes:
    """In Windows-1258 tones stand behind their letters."""
    return (
        b"".join(toned(letter).encode(encoding) for letter in text) if encoding == "cp1258" else text.encode(encoding)
    )


def toned(letter: str) -> str:
    apart = unicodedata.normalize("NFD", letter)
    tone = [mark for mark in apart if mark in "\u0300\u0301\u0303\u0309\u0323"]
    return unicodedata.normalize("NFC", "".join(mark for mark in apart if mark not in tone)) + "".join(tone)


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("around", ["", "# settings\nname = value\nport = 8080\n"], ids=["alone", "in code"])
def test_text_is_read_in_its_encoding(encoding, around):
    text = around + TEXTS[encoding]
    assert decode(encoded(text, encoding)) == text


def test_accents_at_the_ends_of_words_are_no_letters_of_another_script():
    """Statistics alone read `perchй la cittа`."""
    text = "Perché la città è più bella, però costa di più? L'università sarà chiusa lunedì e martedì.\n" * 2
    assert decode(text.encode("cp1252")) == text


def test_names_in_latin_letters_stay_in_a_text_of_another_script():
    text = "Обновление Windows 11 и драйвера Wi-Fi для 3D-принтера: звук через USB-порт, файл в формате PDFа."
    assert decode(text.encode("cp1251")) == text


@pytest.mark.parametrize("text", ["Яблоки и груши.", "Я согласен. ПРИЛОЖЕНИЕ", "ИСТОРИЯ России"])
def test_capitals_of_windows_are_not_taken_for_letters_of_a_mac(text):
    assert decode(text.encode("cp1251")) == text


@pytest.mark.parametrize("text", ["Grüße – naïve", "it’s", "5 × 3 = 15", "Temp 20 °C", "25 €", "El Niño", "1 º piso"])
def test_a_few_letters_are_taken_for_windows_1252(text):
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(("text", "encoding"), [("Łukasz", "cp1250"), ("Привет", "cp1251"), ("Αθήνα", "cp1253")])
def test_a_few_letters_that_it_does_not_have_are_not(text, encoding):
    assert decode(text.encode(encoding)) == text


def test_what_is_no_text_is_refused_as_the_hosted_service_says_what_it_takes():
    with pytest.raises(ParsingFailed, match="utf-8, utf-16 or ascii"):
        decode(bytes(range(256)) * 40)


def test_a_page_that_declares_what_it_is_not_is_recognised():
    page = f'<meta charset="utf-8"><p>{TEXTS["cp1251"]}</p>'
    assert TEXTS["cp1251"] in decode_page(page.encode("cp1251"))


def test_a_page_in_latin_1_may_have_what_only_windows_1252_has():
    assert "„Größe“ – 5 €" in decode_page('<meta charset="iso-8859-1"><p>„Größe“ – 5 €'.encode("cp1252"))
