"""`python -m bench`: which of its words name measurements, and which are arguments of the one before."""

from bench.__main__ import parted


def test_words_that_name_no_measurement_are_arguments_of_the_one_before() -> None:
    assert parted(["runs", "operations"]) == [["runs"], ["operations"]]
    assert parted(["siblings", "4", "3000", "pages"]) == [["siblings", "4", "3000"], ["pages"]]
    assert parted(["compare", "99f8729", ".", "--pairs", "5"]) == [["compare", "99f8729", ".", "--pairs", "5"]]
