"""Code as models write it: notebook habits, old spellings of libraries, files in places that nobody gets."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.sandbox.base import Session, session_key
from shared.sandbox.file_names import FORBIDDEN
from shared.sandbox.inside import box_files, box_hints
from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.sandboxes import home_for_anybody, isolator

LIBRARIES = "import io, numpy as np, pandas as pd, matplotlib.pyplot as plt\n"
FRAME = "df = pd.DataFrame({'g': ['a', 'a', 'b'], 'v': [1, 2, 3]})\n"
TIMES = "s = pd.Series(range(3), index=pd.date_range('2026-01-01', periods=3))\n"


@pytest.fixture
def home() -> Iterator[Path]:
    with home_for_anybody() as path:
        yield path


@pytest.fixture
async def session(home: Path) -> AsyncIterator[Session]:
    sandbox = LocalSandbox(home, isolator("bwrap"))
    async with sandbox.session(session_key(b"of this test", "ann", "thread_1")) as session:
        yield session
    await sandbox.close()


# -- notebooks --------------------------------------------------------------------------------------------------------


async def test_a_plot_of_seaborn_objects_is_shown(session):
    plot = "import seaborn.objects as so\nso.Plot({'x': [1, 2], 'y': [3, 4]}, x='x', y='y').add(so.Dots())"
    result = await session.run(plot)
    assert (result.error, len(result.images)) == (None, 1)


@pytest.mark.parametrize(
    "code",
    [
        "```python\n6 * 7\n```",
        "```\n6 * 7```\n",
        "import asyncio\nawait asyncio.sleep(0, 42)",
        "import asyncio\nx = await asyncio.sleep(0, 42)\nx",
        "async def f():\n    return 42\nimport asyncio\nasyncio.run(f())",
        "def f(x: int): ...\nf.__annotations__['x'](42)",
    ],
)
async def test_code_runs_as_in_a_notebook(session, code):
    result = await session.run(code)
    assert (result.error, result.result) == (None, "42")


async def test_display_shows_pictures_and_prints_the_rest(session):
    code = """
from IPython.display import display as shown, Markdown, Image
from PIL import Image as Picture
display("text", {"a": 1})
shown(Markdown("**bold**"))
display(Picture.new("L", (2, 2)))
Picture.new("L", (2, 2)).save("/mnt/data/p.png")
shown(Image("/mnt/data/p.png"))
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2])
display(figure)
"""
    result = await session.run(code)
    assert result.error is None
    assert result.logs.splitlines() == ["text", "{'a': 1}", "**bold**"]
    assert len(result.images) == 3


# -- files ------------------------------------------------------------------------------------------------------------


async def test_files_that_nobody_gets_are_named_once(session):
    code = """
import os
os.makedirs("/mnt/data/out/deep", exist_ok=True)
os.makedirs("/mnt/data/.cache", exist_ok=True)
for name in ("out/deep/a.csv", "O'Brien.csv", "12:30.txt", ".cache/x", "plain.csv"):
    _ = open(f"/mnt/data/{name}", "w").write("a")
"""
    first, second = await session.run(code), await session.run("print('next')")
    [told] = [line for line in first.logs.splitlines() if line.startswith("[not handed")]
    assert all(name in told for name in ("out/deep/a.csv", "O'Brien.csv", "12:30.txt"))
    assert "plain.csv" not in told
    assert ".cache" not in told
    assert [file.name for file in first.files] == ["plain.csv"]
    assert second.logs == "next\n"


def test_inside_and_outside_agree_on_names():
    assert box_files.FORBIDDEN == FORBIDDEN


# -- old habits -------------------------------------------------------------------------------------------------------

OLD = [
    (TIMES + "s.resample('M').sum()", TIMES + "s.resample('ME').sum()"),
    ("pd.date_range('2026', periods=3, freq='H')", "pd.date_range('2026', periods=3, freq='h')"),
    (FRAME + "df.applymap(str)", FRAME + "df.map(str)"),
    ("pd.to_datetime(['2026-01-01'], infer_datetime_format=True)", "pd.to_datetime(['2026-01-01'])"),
    ("pd.read_csv(io.StringIO('a b'), delim_whitespace=True)", r"pd.read_csv(io.StringIO('a b'), sep=r'\s+')"),
    (FRAME + "df.fillna(method='ffill')", FRAME + "df.ffill()"),
    (FRAME + "df.loc[0, 'v'] = 'x'", FRAME + "df['v'] = df['v'].astype(object)\ndf.loc[0, 'v'] = 'x'"),
    (FRAME + "df.loc[0, 'g'] = 1", FRAME + "df['g'] = df['g'].astype(object)\ndf.loc[0, 'g'] = 1"),
    (FRAME + "df.groupby('g').apply(lambda x: x['g'].iloc[0])", FRAME + "df.groupby('g').apply(lambda x: x.name)"),
    (FRAME + "df.append(df)", FRAME + "pd.concat([df, df])"),
    (FRAME + "list(df.iteritems())", FRAME + "list(df.items())"),
    (FRAME + "df.mean()", FRAME + "df.mean(numeric_only=True)"),
    (FRAME + "df.corr()", FRAME + "df.corr(numeric_only=True)"),
    ("np.trapz([1, 2])", "np.trapezoid([1, 2])"),
    ("np.in1d([1], [1])", "np.isin([1], [1])"),
    ("float(np.array([1.5]))", "np.array([1.5]).item()"),
    ("plt.boxplot([[1, 2]], labels=['a'])", "plt.boxplot([[1, 2]], tick_labels=['a'])"),
    ("plt.cm.get_cmap('viridis')", "plt.get_cmap('viridis')"),
    ("plt.style.use('seaborn-whitegrid')", "plt.style.use('seaborn-v0_8-whitegrid')"),
    (
        "import scipy.integrate\nscipy.integrate.simps([1, 2])",
        "import scipy.integrate\nscipy.integrate.simpson([1, 2])",
    ),
]


async def test_an_old_habit_is_answered_with_the_new_spelling(session):
    assert (await session.run(LIBRARIES)).error is None
    for old, new in OLD:
        failed, mended = await session.run(old), await session.run(new)
        assert re.search(r"\n\[since [\w-]+ [\d.]+: .+\]\n\Z", failed.error or ""), old
        assert mended.error is None, new


async def test_code_that_means_something_else_by_now_is_told_too(session):
    code = LIBRARIES + "t = pd.Series(pd.to_datetime(['2026-01-01']))\n"
    silent = await session.run(code + "t.astype('int64') // 10**9")
    right = await session.run(code + "(t - pd.Timestamp(0)) // pd.Timedelta(seconds=1)")
    assert "[since pandas 3.0: times do not count nanoseconds any more" in silent.logs
    assert "1767225600" in (right.result or "")
    assert "since" not in right.logs


def test_other_errors_get_no_hint():
    assert box_hints.for_error(KeyError("g"), "d = {}\nd['g']") == ""
    assert box_hints.for_error(ValueError("no"), "x") == ""
    assert box_hints.for_error(AttributeError("'Order' object has no attribute 'product'"), "order.product") == ""
    assert box_hints.for_code("n.astype(int) // 10") == ""


# -- fonts ------------------------------------------------------------------------------------------------------------


async def test_charts_take_foreign_characters_from_an_installed_font(session):
    look = "import box_charts, matplotlib\nfrom matplotlib.font_manager import fontManager\n"
    have = await session.run(f"{LIBRARIES}{look}sorted({{f.name for f in fontManager.ttflist}} & set(box_charts.CJK))")
    assert have.error is None
    fonts = ast.literal_eval(have.result)
    family = ast.literal_eval((await session.run("list(matplotlib.rcParams['font.family'])")).result)
    assert (family[0], sorted(family[1:])) == ("sans-serif", fonts)
    if fonts:
        chart = await session.run("plt.title('売上高 销售额 매출')\nplt.plot([1, 2])\nplt.show()")
        assert (chart.logs, len(chart.images)) == ("", 1)
