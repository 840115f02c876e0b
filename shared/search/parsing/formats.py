"""Which files can be read, by extension, and what is said of the others."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

SUPPORTED_URL: Final = "https://platform.openai.com/docs/assistants/tools/file-search/supported-files"

#: Extension to reader. The Assistants API's list, and spreadsheets.
READERS: Final = {
    ".docx": "docx",
    ".htm": "html",
    ".html": "html",
    ".pdf": "pdf",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
    **dict.fromkeys([".c", ".cpp", ".cs", ".css", ".go", ".java", ".js", ".json", ".md", ".php", ".py"], "text"),
    **dict.fromkeys([".rb", ".sh", ".tex", ".ts", ".txt"], "text"),
    ".doc": "doc",
}


class ParsingFailed(Exception):
    """The file cannot be indexed; says why in words for the file's owner."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        #: invalid_file or unsupported_file
        self.code, self.message = code, message


def invalid(message: str) -> ParsingFailed:
    """The file is not what its name says, or is broken, hostile or too large."""
    return ParsingFailed("invalid_file", message)


def extension(filename: str) -> str:
    """The lower-case extension with its dot; empty if there is none."""
    return PurePosixPath(filename.replace("\\", "/")).suffix.lower()


def supported(filename: str) -> bool:
    """Whether there is a reader for files of this name."""
    return extension(filename) in READERS


def refusal(filenames: list[str]) -> str:
    """What the API says when files without a reader are attached."""
    extensions = sorted({extension(name) or "none" for name in filenames})
    return f"Files with extensions [{', '.join(extensions)}] are not supported for retrieval. See {SUPPORTED_URL}"


def reader_of(filename: str) -> str:
    """The reader's name. Raises ParsingFailed."""
    suffix = extension(filename)
    if suffix not in READERS:
        raise ParsingFailed("unsupported_file", refusal([filename]))
    if suffix == ".doc":
        raise ParsingFailed("unsupported_file", "Word 97-2003 documents cannot be read; save it as .docx.")
    return READERS[suffix]
