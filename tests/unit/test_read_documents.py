"""OpenAPI documents are read once, and told apart by all that is in them."""

from __future__ import annotations

import pytest

from shared.objects.openapi_document import BrokenDocument
from shared.objects.read_documents import ReadDocuments


def document(name="find", **more):
    paths = {"/f": {"get": {"operationId": name}}}
    return {"openapi": "3.1.0", "servers": [{"url": "https://shop.example"}], "paths": paths} | more


def names(read, given):
    return [each.name for each in read.operations(given)]


def test_a_document_is_read_once_whoever_has_it():
    read = ReadDocuments()
    assert read.operations(document()) is read.operations(document())


def test_documents_that_differ_are_told_apart():
    read = ReadDocuments()
    assert names(read, document("find")) == ["find"]
    assert names(read, document("look")) == ["look"]
    [elsewhere] = read.operations(document(servers=[{"url": "https://other.example"}]))
    assert elsewhere.url.startswith("https://other.example")


def test_a_broken_document_is_broken_each_time():
    read = ReadDocuments()
    for _ in range(2):
        with pytest.raises(BrokenDocument):
            read.operations(document(openapi="2.0"))


def test_of_many_documents_the_last_are_remembered():
    read = ReadDocuments(2)
    first, last = read.operations(document("a")), read.operations(document("b"))
    assert read.operations(document("a")) is first
    read.operations(document("c"))
    assert read.operations(document("a")) is first
    assert read.operations(document("b")) is not last
