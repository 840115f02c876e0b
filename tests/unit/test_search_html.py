"""Web pages as their readers see them."""

from __future__ import annotations

import pytest

from shared.search.parsing.html import visible_text

HALF = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
ROOT = (
    "<mi>x</mi><mo>=</mo><mfrac><mrow><mo>−</mo><mi>b</mi><mo>±</mo><msqrt><msup><mi>b</mi><mn>2</mn></msup><mo>−</mo>"
    "<mn>4</mn><mo>&#x2062;</mo><mi>a</mi><mi>c</mi></msqrt></mrow><mrow><mn>2</mn><mi>a</mi></mrow></mfrac>"
)
SUM = (
    "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>"
    "<msub><mi>a</mi><mi>i</mi></msub>"
)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<nav>Menu<p>Body</p><footer>Imprint</footer>", "Menu\nBody\nImprint"),
        ("<header><nav>Menu</header><p>Body</p><nav>Bottom</nav>", "Menu\nBody"),
        ("<nav>Menu<main>Body</main></nav>", "Menu\nBody"),
        ("<nav>Menu</nav>", "Menu"),
        ("<p>One</p><template>Row<p>Two</p>", "One\nRow\nTwo"),
        ("<nav>Menu</nav><p>Body</p>", "Body"),
    ],
)
def test_only_navigation_that_ends_is_left_out_and_never_a_whole_page(page, text):
    assert visible_text(page) == text


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (f"<semantics>{HALF}<annotation>\\frac{{1}}{{2}}</annotation></semantics>", "1/2"),
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>=</mo><mn>4</mn>", "x^2 = 4"),
        (ROOT, "x = (−b ± √(b^2 − 4ac))/(2a)"),
        (SUM, "∑_(i = 1)^n a_i"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "3√x"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", "x¯"),
        ("<mtable><mtr><mtd>1</mtd><mtd>0</mtd></mtr><mtr><mtd>0</mtd><mtd>1</mtd></mtr></mtable>", "1 0; 0 1"),
    ],
)
def test_mathematics_reads_as_it_is_said(formula, text):
    assert visible_text(f"<p>It is <math>{formula}</math>.") == f"It is {text}."


def test_a_formula_without_an_end_does_not_swallow_the_page():
    assert visible_text("<math><mi>x</mi><p>Body<p>More") == "x\nBody\nMore"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("10<sup>6</sup> m<sup>2</sup> x<sup>-1</sup>", "10^6 m^2 x^-1"),
        ("1<sup>st</sup> Brand<sup>TM</sup> H<sub>2</sub>O", "1st BrandTM H2O"),
        ("<ul><li><input type=checkbox checked> done<li><input type=checkbox> open</ul>", "☒ done\n☐ open"),
        ("City: <input value=Basel><input type=hidden value=no>", "City: Basel"),
        ("The <img src=dam.png alt='Dam&#10;of Ems'>: <img alt=A><img alt='B &lt; C'>", "The Dam of Ems : A B < C"),
        ("in<img src=pixel.gif alt=''>visible<img src=line.png><nav><img alt=Logo></nav>", "invisible"),
        ("<math><mi>x</mi></math><img alt='{\\displaystyle x}' aria-hidden=true>", "x"),
        ("<svg><foreignObject><img alt=Turbine></foreignObject></svg>", "Turbine"),
        ("<ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp></ruby>京<ruby>漢<rt>kan<rb>字<rt>ji</ruby>だ", "東京漢字だ"),
        ("a <svg><title>icon</title></svg>b", "a b"),
        ("a <svg><text>Turbine <tspan>hall</tspan></text><rect/><text>Weir</text></svg>b", "a\nTurbine hall\nWeir\nb"),
        ("<svg><foreignObject><div>Turbine</div></foreignObject></svg>", "Turbine"),
        ("<table><tr><td><svg><text>Turbine</text></svg><td>3</table>", "Turbine\t3"),
        ("<template><svg><text>Turbine</text></svg></template>b", "b"),
        ("<svg><text>Turbine<p>b", "Turbine\nb"),
        ("<table><tr><td>x<script>'</td>'</script>y<td>z</table>", "xy\tz"),
    ],
)
def test_signs_boxes_and_readings_mean_what_they_show(page, text):
    assert visible_text(page) == text
