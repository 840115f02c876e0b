"""The rest of a program's calls on the same client: `python other_calls.py VERSION OpenAI|AzureOpenAI URL KEY`.

Runs with old versions of the SDK, in a process of its own: it imports nothing of ours. Each step prints a line.
"""

import sys

import openai

VERSION, CLASS, URL, KEY = sys.argv[1:]
assert openai.__version__ == VERSION
WHERE = {"azure_endpoint": URL, "api_version": "2024-10-21"} if CLASS == "AzureOpenAI" else {"base_url": f"{URL}/v1"}
client = getattr(openai, CLASS)(api_key=KEY, max_retries=0, timeout=20, **WHERE)

SAID = "Hello, world."
MESSAGES = [{"role": "user", "content": "Hello?"}]
PNG = b"\x89PNG\r\n\x1a\n"


def a_chat_is_completed_and_streamed():
    made = client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert (made.choices[0].message.content, made.model) == (SAID, "gpt-5.6-terra")
    chunks = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID


def texts_are_completed_embedded_and_judged():
    assert client.completions.create(model="gpt-4o", prompt="Hello?").choices[0].text == SAID
    assert client.embeddings.create(model="ada", input=["a", "b"]).data[1].embedding == [0.25, -0.5]
    assert not client.moderations.create(input="Hello?").results[0].flagged


def a_response_is_made_and_streamed():
    if not hasattr(client, "responses"):
        return
    assert client.responses.create(model="gpt-4o", input="Hello?").output_text == SAID
    events = client.responses.create(model="gpt-4o", input="Hello?", stream=True)
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == SAID


def pictures_are_made_changed_and_varied():
    assert client.images.generate(model="gpt-image-1", prompt="a cat").data[0].b64_json
    assert client.images.edit(model="gpt-image-1", prompt="owl", image=("kätzchen.png", PNG)).data[0].b64_json
    assert client.images.create_variation(image=("cat.png", PNG)).data[0].b64_json


def sound_is_spoken_and_written_down():
    sound = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.").read()
    assert len(sound) == 102_400
    assert client.audio.transcriptions.create(model="whisper-1", file=("speech.mp3", sound)).text == SAID
    assert client.audio.translations.create(model="whisper-1", file=("speech.mp3", sound)).text == SAID


for tell in (
    a_chat_is_completed_and_streamed,
    texts_are_completed_embedded_and_judged,
    a_response_is_made_and_streamed,
    pictures_are_made_changed_and_varied,
    sound_is_spoken_and_written_down,
):
    tell()
    print(tell.__name__.replace("_", " "), flush=True)
print("the end")
