"""What became of an import, or would."""

from __future__ import annotations

from typing import Literal

from shared.objects.stored import ApiObject


class ImportReport(ApiObject, kw_only=True):
    """How many objects by kind and outcome, and why some did not come.

    Outcomes are `new`, `same` (here already), `conflict` (here with other contents, left as they are), `deleted` (here,
    and not brought back) and `lost`.
    """

    object: Literal["import"] = "import"
    owner: str
    #: Nothing was changed.
    dry_run: bool
    #: Kind -> outcome -> how many; of threads' insides `messages` and `runs`.
    counts: dict[str, dict[str, int]]
    #: `ID: why`.
    remarks: list[str]
