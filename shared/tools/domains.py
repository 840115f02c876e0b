"""Lists of domains in settings: whom mails may go to, where pages may be fetched from."""

from __future__ import annotations


def domains_of(setting: str) -> frozenset[str]:
    """The domains of a comma-separated setting, in lower case; each stands for itself and not for its subdomains."""
    return frozenset(each.strip().lower().removeprefix("@") for each in setting.split(",") if each.strip())
