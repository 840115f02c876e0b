"""One model turn on its way into the thread: what the model says becomes messages, a step with calls, and deltas.

With a listener, rows are committed as they open, so that what a client hears of exists. Without one, nothing is written
before the turn is over: then everything goes into a single commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.json_types import Json
from shared.llm.base import SEARCH, ArgumentsDelta, CallStarted, Cited, Searched, TextDelta, Turn, TurnEvent
from shared.objects.common import Metadata, Usage
from shared.objects.message import text_part
from shared.objects.run import RunRecord
from shared.objects.step import StepRecord
from shared.runs import web_search
from shared.runs.annotations import Annotator, Marked
from shared.runs.events import call_delta, message_delta
from shared.runs.prompt.thoughts import before_messages
from shared.runs.recorder import Recorder
from shared.runs.state import RunState
from shared.runs.tool_call_views import CallView
from shared.runs.tool_calls import arguments_of
from shared.runs.toolset import Toolset
from shared.runs.usage import of_turn
from shared.search.citations import Source


class TurnWriter:
    """Writes one turn: events while it lasts, then `finish` with the whole of it, or `break_off`.

    `finish(Turn(items=[{"type": "message", "content": [{"type": "output_text", "text": "I look."}]}, {"type":
    "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"}], ...))` leaves in the state a
    finished message with its step, `content=[{"type": "text", "text": {"value": "I look.", "annotations": []}}]`, and
    an open step of calls, `items=[{"type": "function_call", ...}]`, `outputs={}`.
    """

    def __init__(self, recorder: Recorder, toolset: Toolset) -> None:
        self.recorder, self.state, self.toolset = recorder, recorder.state, toolset
        #: The place among the turn's items of the message that is being shown.
        self._item: int | None = None
        self._marked = Marked(annotator(self.state))
        self._refusal = ""
        #: What it cites of the web, in the provider's words.
        self._cited: list[Json] = []
        #: The places of the provider's searches that are written down.
        self._searched: set[int] = set()
        #: The places of messages that are finished, and their steps.
        self._written: dict[int, StepRecord] = {}
        #: Place among the items -> place among the calls, and how the call is shown.
        self._calls: dict[int, tuple[int, CallView]] = {}

    async def on_event(self, event: TurnEvent) -> None:
        """Pass an event on to the listener; without one, wait for the end of the turn."""
        if self.recorder.listener is None:
            return
        match event:
            case TextDelta() if not self._calls:
                await self._on_text(event)
            case Cited() if event.item == self._item:
                self._cited.append(event.annotation)
            case Searched() if not self._calls:
                await self._on_search(event)
            case CallStarted():
                await self._on_call(event)
            case ArgumentsDelta() if event.item in self._calls:
                index, view = self._calls[event.item]
                delta = view.feed(event.text)
                if delta is not None:
                    self._emit_call(index, delta)
            case _:
                # Text and searches after calls are rare; they are shown whole when the turn is over.
                pass

    async def _on_text(self, event: TextDelta) -> None:
        if event.item != self._item:
            self._close_message()
            self._item, self._marked, self._refusal = event.item, Marked(annotator(self.state)), ""
            self._cited = []
            if self.state.open_message():
                for each in self.state.told():
                    self.recorder.publish(each)
            else:
                await self.recorder.commit()
            for index, image in enumerate(images(self.state.record)):
                self._emit_part({"index": index, **image})
        if event.refusal:
            self._refusal += event.text
            place = len(self.state.record.images)
            self._emit_part({"index": place, "type": "refusal", "refusal": event.text})
        else:
            self._emit_texts(self._marked.feed(event.text))

    def _emit_texts(self, texts: list[Json]) -> None:
        for each in texts:
            self._emit_part({"index": len(self.state.record.images), "type": "text", "text": each})

    async def _on_call(self, event: CallStarted) -> None:
        self._close_message()
        if self.state.step is None:
            self.state.open_step()
            await self.recorder.commit()
        view = self.toolset.view(event.name, event.call_id)
        self._calls[event.item] = (len(self._calls), view)
        self._emit_call(len(self._calls) - 1, view.opening())

    async def _on_search(self, event: Searched) -> None:
        self._close_message()
        self.state.open_step()
        await self.recorder.commit()
        call = self.toolset.search(event.call)
        self._emit_call(0, call)
        self._close_search(event.item, call)
        await self.recorder.commit()

    def _close_search(self, item: int, call: Json) -> None:
        """The search's own step, which is open, is over: its tokens are the turn's."""
        self.state.set_calls([], [call], Usage())
        self.state.close_step(Usage())
        self._searched.add(item)

    def _emit_call(self, index: int, delta: Json) -> None:
        assert self.state.step is not None
        self.recorder.emit(call_delta(self.state.step.step.id, index, delta))

    def _emit_part(self, part: Json) -> None:
        assert self.state.message is not None
        self.recorder.emit(message_delta(self.state.message.id, part))

    def _close_message(self) -> None:
        """The model went on to something else: the message so far is complete."""
        if self._item is not None:
            self._emit_texts(self._marked.rest())
            self._emit_texts(self._marked.cite(web_search.citations(self._marked.text, self._cited)))
            self._written[self._item] = self.state.close_message(self._shown_content())
            self._item = None

    def _shown_content(self) -> list[Json]:
        """The open message's content as clients have been shown it."""
        if self._refusal:
            return [*images(self.state.record), {"type": "refusal", "refusal": self._refusal}]
        return [*images(self.state.record), annotated(self.state, self._marked.text, self._cited)]

    def break_off(self) -> None:
        """The turn will not be finished: keep what clients have been shown of an open message."""
        if self._item is not None:
            self.state.show(self._shown_content())

    def finish(self, turn: Turn) -> None:
        """Write down the whole turn; the caller commits."""
        if turn.places:
            self._take_places(turn.places)
        calls = turn.calls
        messages = (index for index, item in enumerate(turn.items) if item["type"] == "message")
        texts = [index for index in messages if index not in self._written]
        thoughts, rest = before_messages(turn.items)
        used, remarks = of_turn(self.state.record, turn, summary=self.recorder.deps.settings.reasoning_summary != "")
        usage = used.plus(self.state.record.attempted)
        for index, item in enumerate(turn.items):
            if item["type"] == SEARCH and index not in self._searched:
                self.state.open_step()
                self._close_search(index, self.toolset.search(item))
            elif index in texts:
                last = index == texts[-1] and not calls
                self._finish_message(index, turn, usage if last else None, remarks if last else {})
        for index, step in self._written.items():
            items, phase = thoughts.get(index, []), turn.items[index].get("phase")
            if items or phase is not None:
                self.state.keep(step, items, self._origin(turn), phase)
        if calls:
            self._finish_calls(rest, calls, usage, remarks, self._origin(turn))
        elif not texts:
            # There may be calls that were shown before the turn was cut short.
            self.state.set_usage(usage)
            self.state.remark(remarks)
        self.state.count_turn(used)

    def _origin(self, turn: Turn) -> str:
        return self.recorder.deps.llm.origin(self.state.run.model) if turn.reasoning_lasts else ""

    def _take_places(self, places: Mapping[int, int]) -> None:
        """Know the items by their places in the turn, which the stream counted in another way."""
        self._item = None if self._item is None else places[self._item]
        self._written = {places[number]: step for number, step in self._written.items()}
        self._searched = {places[number] for number in self._searched}

    def _finish_message(self, index: int, turn: Turn, usage: Usage | None, remarks: Metadata) -> None:
        """A message of the turn is complete; with `usage`, it is what the turn ends with."""
        item = turn.items[index]
        if index != self._item:
            self.state.open_message()
        else:
            self._emit_texts(self._marked.rest())
            given = [each for part in item["content"] for each in part.get("annotations") or ()]
            self._emit_texts(self._marked.cite(web_search.citations(self._marked.text, given)))
        self._item = None
        # An answer without a word is one of an empty text: clients look into the first part.
        said = item["content"] or [{"type": "output_text", "text": ""}]
        content = [*images(self.state.record), *(answer_part(self.state, part) for part in said)]
        self.state.remark(remarks)
        why = None if usage is None else turn.incomplete and MESSAGE_REASONS.get(turn.incomplete, "run_failed")
        self._written[index] = self.state.close_message(content, usage, why)

    def _finish_calls(self, items: list[Json], calls: list[Json], usage: Usage, remarks: Metadata, origin: str) -> None:
        if self.state.step is None:
            self.state.open_step()
        self.state.remark(remarks)
        views = [self.toolset.view(call["name"], call["call_id"]).call(arguments_of(call)) for call in calls]
        self.state.set_calls(items, views, usage, origin)


#: Why a turn stopped early -> why its message is incomplete.
MESSAGE_REASONS = {"max_output_tokens": "max_tokens", "content_filter": "content_filter"}


def images(record: RunRecord) -> list[Json]:
    """The pictures that the next message shows in front of its text."""
    return [{"type": "image_file", "image_file": {"file_id": each}} for each in record.images]


def annotator(state: RunState) -> Annotator:
    """What the run's answers may refer to by now."""
    record, earlier = state.record, state.earlier
    sources = (earlier.sources | record.sources).items()
    return Annotator([Source(marker, target) for marker, target in sources], earlier.files | record.files)


def annotated(state: RunState, text: str, given: Iterable[Json] = ()) -> Json:
    """A text part with its annotations, those that the provider gave it included."""
    annotations = [*annotator(state).annotate(text), *web_search.citations(text, given)]
    return text_part(text, sorted(annotations, key=lambda each: int(each["start_index"])))


def answer_part(state: RunState, part: Json) -> Json:
    """A part of the model's message as the API shows it."""
    if part["type"] == "refusal":
        return {"type": "refusal", "refusal": part["refusal"]}
    return annotated(state, part.get("text", ""), part.get("annotations") or ())
