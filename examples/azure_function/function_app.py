"""A function that an assistant calls by queues: the box writes to `weather-input` and reads from `weather-output`."""

from __future__ import annotations

import json
import logging

import azure.functions as func

app = func.FunctionApp()


@app.queue_trigger(arg_name="request", queue_name="weather-input", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="answer", queue_name="weather-output", connection="AzureWebJobsStorage")
def weather(request: func.QueueMessage, answer: func.Out[str]) -> None:
    """Tell the weather of a city: the arguments come with the id of the call, which the answer must have, too."""
    asked = json.loads(request.get_body())
    try:
        value = forecast(asked["city"])
    except (KeyError, ValueError) as error:
        # A function that fails says so: else its caller waits until the run's time is almost over.
        logging.warning("no forecast", exc_info=True)
        value = f"There is no forecast: {error!r}"
    answer.set(json.dumps({"Value": value, "CorrelationId": asked["CorrelationId"]}))


def forecast(city: str) -> str:
    """What the weather will be. Raises ValueError for a city without a name."""
    if not city.strip():
        raise ValueError("which city?")
    return f"{city}: rain, 12 degrees."
