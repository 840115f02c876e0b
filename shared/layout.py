"""Where everything is stored: this module and `usage/keys.py` alone spell a partition, a key or a blob's name.

A partition is what one commit can change together. Every partition but an index's and the box's own begins with its
owner, so another owner's id leads nowhere:

    OWNER:assistants       one row per assistant, newest first
    OWNER:files            one row per file, newest first
    OWNER:threads          an index: one row per thread, newest first
    OWNER:vector_stores    an index: one row per vector store, newest first
    OWNER:approvals        an index: one row per run that waits for approvals, newest first; some are over already
    OWNER:client_tokens    an index: one row per token for a browser or a device, newest first
    OWNER:attached         FILE:STORE for every store that a file is in
    OWNER:side-effects     one row: the calls with side effects of the last hour
    OWNER:idempotency      what each `Idempotency-Key` of the last day was used for; the answers lie with what was made
    OWNER:budget           what is used up of an owner's budget and of assistants', and what is reserved
    OWNER:usage            what each run has used, and all of a day by assistant and model
    OWNER:holds            legal holds, and kept_FILE:HOLD for every file that a held thread names
    OWNER:thread_…         a thread: itself, its head, its messages, runs and run steps by number, messages in line
    OWNER:vs_…             a vector store: itself, its files by number, FILE -> number, its batches
    OWNER:upload_…         an upload and its parts
    _box                   what all hosts of a box share: the secret in names of sandbox sessions, sign-in codes, how
                           far each owner's threads were looked through for what is past its time, when a busy model may
                           be asked again
    _keys                  OWNER:KEY for every API key made at run time: its hash
    _webhooks              notices that could not be delivered, and webhooks that are off
    index-vs_…             the manifest of a vector store's search index; by owner, the name of another one

An object's id is its key. Ids of an owner's collections begin with the time, inverted, so that they sort newest first;
ids within a thread or a store begin with a number and sort ascending (`ids.py`). Keys are told apart by their prefix
alone, so a collection can take rows of another kind beside them, whose keys begin with `by_`: in Azure's tables the
oldest-first twins of its keys (`by_age_…`), and in collections and threads the rows that lead from an id that an
object brought from elsewhere to the key that stands for it (`by_id_…`, see `foreign_ids.py`), the answers of requests
that may be sent again (`by_key_…`, see `idempotency.py`), and the sealed headers of an assistant or a thread for MCP
servers (`by_headers_…`). Partitions and blobs have such an id as it is.
"""

from __future__ import annotations

from typing import Final

#: The format of stored records as this version writes them, major.minor. A newer minor adds fields, which have defaults
#: and which older versions keep; a newer major means what older versions would misread, so they refuse it.
FORMAT: Final = "1.0"

ASSISTANT: Final = "asst_"
THREAD: Final = "thread_"
MESSAGE: Final = "msg_"
RUN: Final = "run_"
STEP: Final = "step_"
FILE: Final = "file-"
#: Files of Azure OpenAI's own Assistants; accepted wherever ids are.
FOREIGN_FILE: Final = "assistant-"
UPLOAD: Final = "upload_"
PART: Final = "part_"
#: What a run waits for that needs somebody's approval.
APPROVAL: Final = "appr_"
#: A token for a browser or a device, as it is named; nothing of the token itself.
GRANT: Final = "ctok_"
VECTOR_STORE: Final = "vs_"
BATCH: Final = "vsfb_"
#: What happened to a run: an entry of its row, no key of a row.
EVENT: Final = "evt_"
#: An API key made at run time, as it is named; nothing of the key itself.
KEY: Final = "key_"
HOLD: Final = "hold_"
#: A file in a vector store; clients know it by the file's id.
ITEM: Final = "item_"

#: Keys of the rows of which a partition has one.
THREAD_KEY: Final = "thread"
HEAD_KEY: Final = "head"
STORE_KEY: Final = "store"
MANIFEST_KEY: Final = "manifest"
LAST_HOUR_KEY: Final = "last-hour"
SESSION_NAMES_KEY: Final = "session-names"
#: Of a thread that is being deleted; behind all other keys, so that it goes last.
DELETED_KEY: Final = "~deleted"
#: How the key of an owner's row about old threads begins.
RETENTION: Final = "retention_"
#: How the keys of files begin that a hold keeps.
KEPT_FILE: Final = "kept_"
BACKUP_KEY: Final = "backup"
#: How the key of a model's row begins that says when it may be asked again.
BUSY: Final = "busy_"

#: How the keys of codes that sign in begin.
SIGN_IN: Final = "sign-in-"

#: How the keys of twins begin; see `store/twins.py`.
TWIN: Final = "by_age_"

#: How the keys of aliases begin: rows that lead from a foreign id to a key.
ALIAS: Final = "by_id_"

#: How the keys of sealed headers begin: those of the object with the key that follows.
HEADERS: Final = "by_headers_"

#: How the keys of answers begin that a repeated request is given, and of what an `Idempotency-Key` was used for.
ANSWER: Final = "by_key_"

#: How the keys of all rows begin that stand beside the objects of a collection.
BESIDE: Final = "by_"

#: The partition of what belongs to no owner; no owner's name begins like this.
BOX: Final = "_box"
#: The partition of the API keys that were made at run time.
KEYS: Final = "_keys"

#: The partition of what went wrong with webhooks.
WEBHOOKS: Final = "_webhooks"
#: How the keys of notices begin that could not be delivered, and of webhooks that are off.
UNDELIVERED: Final = "undelivered_"
SWITCHED_OFF: Final = "off_"

_COLLECTIONS: Final = frozenset({"approvals", "assistants", "client_tokens", "files", "threads", "vector_stores"})

#: Blobs with the data of records too large for the store.
SPILL: Final = "spill/"
#: Blobs with the bytes of files.
FILES: Final = "files/"
#: Blobs with segments of search indexes.
SEGMENTS: Final = "index/"
#: Blobs with parts of uploads.
PARTS: Final = "uploads/"
#: Blobs with vectors of files that are being indexed.
VECTORS: Final = "vectors/"


def owner_of(partition: str) -> str:
    """The owner in a partition's name; names of owners have no colon."""
    return partition.partition(":")[0]


def assistants(owner: str) -> str:
    """The partition of an owner's assistants."""
    return f"{owner}:assistants"


def files(owner: str) -> str:
    """The partition of an owner's files."""
    return f"{owner}:files"


def threads(owner: str) -> str:
    """The partition of the index of an owner's threads."""
    return f"{owner}:threads"


def vector_stores(owner: str) -> str:
    """The partition of the index of an owner's vector stores."""
    return f"{owner}:vector_stores"


def approvals(owner: str) -> str:
    """The partition of the index of an owner's runs that wait for approvals."""
    return f"{owner}:approvals"


def client_tokens(owner: str) -> str:
    """The partition of an owner's tokens for browsers and devices."""
    return f"{owner}:client_tokens"


def is_collection(partition: str) -> bool:
    """Whether its rows are the objects of an owner, which are listed both ways."""
    return partition.partition(":")[2] in _COLLECTIONS


def side_effects(owner: str) -> str:
    """The partition of the row that counts an owner's calls with side effects."""
    return f"{owner}:side-effects"


def idempotency(owner: str) -> str:
    """The partition of what an owner's idempotency keys were used for."""
    return f"{owner}:idempotency"


def answer_key(name: str) -> str:
    """The key of an answer, and of what its idempotency key was used for, by the digest of that key."""
    return f"{ANSWER}{name}"


def holds(owner: str) -> str:
    """The partition of an owner's legal holds."""
    return f"{owner}:holds"


def kept_key(file_id: str, hold_id: str) -> str:
    """The key of a file's being kept by a hold."""
    return f"{KEPT_FILE}{file_id}:{hold_id}"


def kept_range(file_id: str) -> tuple[str, str]:
    """The keys of every hold that keeps a file: `first <= key < last`."""
    return f"{KEPT_FILE}{file_id}:", f"{KEPT_FILE}{file_id};"


def attached(owner: str) -> str:
    """The partition that tells which stores a file is in: a file's row must lead there when it is deleted."""
    return f"{owner}:attached"


def attached_key(file_id: str, store_id: str) -> str:
    """The key of a file's being in a store."""
    return f"{file_id}:{store_id}"


def attached_range(file_id: str) -> tuple[str, str]:
    """The keys of every store that a file is in: `first <= key < last`."""
    return f"{file_id}:", f"{file_id};"


def alias_key(identifier: str) -> str:
    """The key of the row that leads from a foreign id to the key that stands for it."""
    return f"{ALIAS}{identifier}"


def headers_key(key: str) -> str:
    """The key of the row with the sealed headers of an object."""
    return f"{HEADERS}{key}"


def sign_in_key(digest: str) -> str:
    """The key of the row of a code that signs in."""
    return f"{SIGN_IN}{digest}"


def sign_in_range() -> tuple[str, str]:
    """The keys of all of them: `first <= key < last`."""
    return SIGN_IN, f"{SIGN_IN}~"


def thread(owner: str, thread_id: str) -> str:
    """The partition of a thread, its head, messages, runs and steps."""
    return f"{owner}:{thread_id}"


def vector_store(owner: str, store_id: str) -> str:
    """A vector store's partition."""
    return f"{owner}:{store_id}"


def upload(owner: str, upload_id: str) -> str:
    """The partition of an upload and its parts."""
    return f"{owner}:{upload_id}"


def index(store_id: str) -> str:
    """The partition of a search index's manifest, apart from its store's records: they change at another pace."""
    return f"index-{store_id}"


def store_of_index(partition: str) -> str:
    """The inverse of `index`."""
    return partition.removeprefix("index-")


def store_of_segment(blob: str) -> str:
    """The vector store in the name of a segment's blob."""
    return blob.split("/", 2)[1]


def own_index_key(owner: str) -> str:
    """The key of the row that names the index of an owner whose store came in under its id."""
    return f"own-{owner}"


def file_blob(owner: str, file_id: str) -> str:
    """The name of the blob with a file's bytes."""
    return f"{FILES}{owner}/{file_id}"


def owner_and_file(blob: str) -> tuple[str, str]:
    """The inverse of `file_blob`. Raises ValueError for a name that is none of these."""
    _, owner, file_id = blob.split("/", 2)
    return owner, file_id


def part_blob(owner: str, upload_id: str, part_id: str = "") -> str:
    """The name of the blob with a part's bytes; without a part, how the names of all parts begin."""
    return f"{PARTS}{owner}/{upload_id}/{part_id}"


def segment_blob(store_id: str, segment_id: str = "") -> str:
    """The name of the blob with a segment of a search index; without one, how the names of all begin."""
    return f"{SEGMENTS}{store_id}/{segment_id}"


def vectors_blob(store_id: str, file_id: str = "", name: str = "") -> str:
    """The name of a blob with some of a file's vectors; without a name, or a file, how the names of all begin."""
    return f"{VECTORS}{store_id}/{file_id}/{name}" if file_id else f"{VECTORS}{store_id}/"
