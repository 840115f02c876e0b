"""Old habits that new libraries refuse: what to write instead, in one line behind the error.

Models learned from years of code; they need the new spelling once, and a second call is right. Each entry: the library
and the version from which the old form fails, what the error says, what the code has ("" for anything), the new form.
"""

from __future__ import annotations

import re

Habit = tuple[str, str, str, str]

_NO = "unexpected keyword argument "
HABITS: tuple[Habit, ...] = (
    (
        "pandas 3.0",
        r"Invalid frequency",
        "",
        "write ME, QE, YE (ends) or MS, QS, YS (starts), and h, min, s, ms, us, ns",
    ),
    ("pandas 3.0", r"no attribute 'applymap'", "", "DataFrame.applymap is DataFrame.map"),
    ("pandas 3.0", _NO + "'infer_datetime_format'", "", "leave it out: to_datetime infers the format"),
    ("pandas 3.0", _NO + "'delim_whitespace'", "", r"delim_whitespace=True is sep=r'\s+'"),
    ("pandas 3.0", _NO + "'date_parser'", "", "date_parser is date_format='...' with parse_dates=[...]"),
    ("pandas 3.0", r"fillna\(\) got an " + _NO, "", "fillna(method='ffill') is .ffill(), method='bfill' is .bfill()"),
    ("pandas 3.0", r"Invalid value .* for dtype", "", "a column keeps its type: first df[c] = df[c].astype(object)"),
    ("pandas 3.0", r"groupby\(\) got an " + _NO + "'axis'", "", "groupby(axis=1) is df.T.groupby(...)"),
    ("pandas 3.0", r"include_groups=True", "", "leave it out: apply does not see the group's own columns"),
    (
        "pandas 3.0",
        r"^KeyError",
        r"groupby.*\.(apply|pipe)\(",
        "apply does not see the group's own columns: use x.name",
    ),
    ("pandas 2.0", r"'(DataFrame|Series)' object has no attribute 'append'", "", "append is pd.concat([a, b])"),
    ("pandas 2.0", r"no attribute 'iteritems'", "", "iteritems is .items()"),
    (
        "pandas 2.0",
        r"reduction '\w+' with string|support operation '\w+'",
        "",
        "pass numeric_only=True: text has no mean",
    ),
    ("pandas 2.0", r"could not convert string to float", r"\.corr\(|\.cov\(", "pass numeric_only=True"),
    (
        "pandas 3.0",
        r"module 'pandas' has no attribute 'value_counts'",
        "",
        "pd.value_counts(x) is pd.Series(x).value_counts()",
    ),
    ("pandas 2.0", _NO + "'line_terminator'", "", "it is lineterminator="),
    ("pandas 2.0", r"Writer' object has no attribute 'save'", "", "use `with pd.ExcelWriter(...) as writer:`"),
    (
        "pandas 3.0",
        r"'(DataFrame|Series)' object has no attribute '(first|last)'",
        "",
        "df.first('2D') is df.loc[: start + pd.Timedelta('2D')]",
    ),
    (
        "numpy 2.4",
        r"module 'numpy' has no attribute '(trapz|in1d|row_stack)'",
        "",
        "trapz is trapezoid, in1d is isin, row_stack is vstack",
    ),
    (
        "numpy 2.0",
        r"module 'numpy' has no attribute '(product|cumproduct|msort)'",
        "",
        "product is prod, cumproduct is cumprod, msort is sort",
    ),
    (
        "numpy 2.5",
        r"only (0-dimensional|length-1) arrays",
        "",
        "float(array) is array.item(), or array[0] for its first",
    ),
    ("numpy 2.5", r"a real number is required, not numpy\.ndarray", "", "format array.item() or array[0]"),
    ("matplotlib 3.11", r"boxplot\(\) got an " + _NO + "'labels'", "", "boxplot(labels=) is boxplot(tick_labels=)"),
    ("matplotlib 3.9", r"matplotlib\.cm' has no attribute 'get_cmap'", "", "cm.get_cmap is plt.get_cmap"),
    (
        "matplotlib 3.8",
        r"'seaborn\S*' is not a valid",
        "",
        "'seaborn-whitegrid' is 'seaborn-v0_8-whitegrid'; so with all seaborn styles",
    ),
    ("matplotlib 3.1", r"Rectangle\.set\(\) got an " + _NO + "'normed'", "", "hist(normed=True) is hist(density=True)"),
    (
        "matplotlib 3.7",
        r"gca\(\) got an " + _NO + "'projection'",
        "",
        "gca(projection='3d') is plt.subplot(projection='3d')",
    ),
    (
        "scipy 1.14",
        r"scipy\.integrate' has no attribute '(simps|cumtrapz|trapz)'",
        "",
        "simps is simpson, cumtrapz is cumulative_trapezoid, trapz is trapezoid",
    ),
    (
        "scikit-learn 1.4",
        _NO + "'(squared|sparse)'",
        "",
        "mean_squared_error(squared=False) is root_mean_squared_error, sparse= is sparse_output=",
    ),
    ("seaborn 0.14", r"seaborn' has no attribute 'distplot'", "", "distplot is histplot(kde=True)"),
    (
        "pillow 10",
        r"no attribute '(ANTIALIAS|textsize)'",
        "",
        "ANTIALIAS is Image.LANCZOS, textsize is draw.textbbox((0, 0), text)",
    ),
)
#: Code that runs, and gives another result than it once did.
SILENT: tuple[tuple[str, str, str], ...] = (
    (
        "pandas 3.0",
        r"(astype|view)\(\s*['\"]?(np\.)?u?int(64)?['\"]?\s*\)\s*//\s*(10\s*\*\*\s*9|1_?000_?000_?000\b|int\(1e9\)|1e9)",
        "times do not count nanoseconds any more: seconds are (t - pd.Timestamp(0)) // pd.Timedelta(seconds=1)",
    ),
)


def for_error(error: BaseException, code: str) -> str:
    """The line that helps with an error of this code; "" where none is known."""
    text = f"{type(error).__name__}: {error}"
    for since, says, has, instead in HABITS:
        if re.search(says, text) and re.search(has, code):
            return _line(since, instead)
    return ""


def for_code(code: str) -> str:
    """The line for code that runs and means something else by now; "" for any other."""
    return next((_line(since, instead) for since, has, instead in SILENT if re.search(has, code)), "")


def _line(since: str, instead: str) -> str:
    return f"[since {since}: {instead}]\n"
