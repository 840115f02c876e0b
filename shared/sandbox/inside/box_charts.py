"""A matplotlib backend whose `show()` hands every open figure to the sandbox and closes it."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

from matplotlib import rcParams
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import fontManager

#: Fonts with Chinese, Japanese and Korean characters, as systems have them.
CJK = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans JP",
    "Noto Sans SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "IPAexGothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Unifont",
)

FigureCanvas = FigureCanvasAgg
FigureManager = FigureManagerBase


def fall_back() -> None:
    """Let characters that the usual font lacks come from those fonts that are installed."""
    installed = {font.name for font in fontManager.ttflist}
    family = rcParams["font.family"]
    rcParams["font.family"] = [*family, *(name for name in CJK if name in installed and name not in family)]


def _is_of_use(record: logging.LogRecord) -> bool:
    """Whether a line on fonts helps anybody: that one of them has no normal weight does not."""
    return "font weight" not in record.getMessage()


fall_back()
logging.getLogger("matplotlib.font_manager").addFilter(_is_of_use)


def show(*args: Any, **kwargs: Any) -> None:
    """Hand over the open figures in order, then close them, as a notebook does."""
    from matplotlib import pyplot  # noqa: PLC0415 - pyplot imports this module

    sink = getattr(sys.modules.get("box_session"), "show", None)  # absent in processes that the code starts itself
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if sink is not None and (figure.axes or figure.texts or figure.images or figure.lines):
            picture = io.BytesIO()
            figure.savefig(picture, format="png", bbox_inches="tight")
            sink(picture.getvalue())
        pyplot.close(figure)
