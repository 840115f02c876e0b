"""A box finds its model by the names by which programs find the box: it must not take itself for its model."""

from __future__ import annotations

import logging
from typing import Final

from pydantic import SecretStr

from shared import web_address
from shared.config import Settings

logger = logging.getLogger(__name__)

HERE: Final = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0"})  # noqa: S104  not listened on
#: Setting of an address -> the key that belongs to it.
ADDRESSES: Final = {
    "azure_openai_endpoint": "azure_openai_api_key",
    "openai_base_url": "openai_api_key",
    "box_model_base_url": "box_model_api_key",
}


def without_itself(settings: Settings) -> Settings:
    """The settings without addresses of models that are the box's own, and without the keys that go with them."""
    own = own_addresses(settings)
    for name in own:
        logger.warning("%s is the box itself", name.upper(), extra={"action": "own_address_ignored"})
    cleared: dict[str, object] = dict.fromkeys(own, "")
    cleared |= {ADDRESSES[name]: SecretStr("") for name in own}
    others = {name: each for name, each in settings.model_endpoints.items() if not _is_own(settings, each.base_url)}
    for name in settings.model_endpoints.keys() - others.keys():
        logger.warning("%s of MODEL_ENDPOINTS is the box itself", name, extra={"action": "own_address_ignored"})
        cleared["model_endpoints"] = others
    return settings.model_copy(update=cleared) if cleared else settings


def own_addresses(settings: Settings) -> list[str]:
    """The settings that name the box as its own model."""
    return [name for name in ADDRESSES if _is_own(settings, getattr(settings, name))]


def _is_own(settings: Settings, address: str) -> bool:
    there, public = web_address.parts_of(address), web_address.parts_of(settings.public_base_url)
    if there is None:
        return False
    if public is not None and (there.scheme, there.netloc) == (public.scheme, public.netloc):
        return True
    return there.scheme == "http" and there.port == settings.box_port and there.hostname in HERE | {settings.box_host}
