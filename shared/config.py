"""Every setting of the box, read from the environment, and from `.env` on a laptop."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr

from shared.settings.model_endpoints import EndpointName, ModelEndpoint, checked
from shared.settings.telemetry import TelemetrySettings
from shared.settings.usage import UsageSettings
from shared.settings.values import ServerConnection, Webhook


def for_everybody(value: object) -> object:
    """One value for all owners, as a map."""
    return value if isinstance(value, dict) else {"*": value}


class Settings(UsageSettings, TelemetrySettings):
    """Settings with their defaults; names are the environment variables in lower case."""

    empty: ClassVar[frozenset[str]] = frozenset({"embedding_model"})

    # who may call
    box_api_keys: dict[str, SecretStr] = Field(default_factory=dict)
    """Owner name -> API key, or `sha256:<hex>` of it, as JSON."""
    box_admin_keys: dict[str, SecretStr] = Field(default_factory=dict)
    """Administrator's name -> key, or `sha256:<hex>` of it, as JSON: opens the routes below `/v1/admin` and no owner's
    objects; empty: there are no such routes."""
    entra_owners: str = ""
    """Who may call with a token of Entra ID: `owner=object id`, separated by commas; empty: nobody."""
    entra_tenant_id: str = ""
    """The tenant that signs those tokens."""
    entra_audience: str = "https://cognitiveservices.azure.com,https://ai.azure.com"
    """What they are made for, separated by commas: what clients of Azure OpenAI ask for, or an application of yours."""
    entra_authority: str = "https://login.microsoftonline.com"
    """Where the tenant's keys are; sovereign clouds have their own."""

    cors_origins: str = ""
    """Origins whose pages may call from a browser, such as `https://app.example`, separated by commas; empty: none. Not
    for public pages: whoever opens a page can read the key that it calls with."""

    # where the embedded host keeps things and listens
    box_home: Path = Path(".box")
    """Where the embedded host keeps records, files, its key, the outbox and the files of the sandbox, closed to other
    users of the machine. On Functions: the files of a local sandbox, never below the app; empty: a private folder among
    the temporary files."""
    box_host: str = "127.0.0.1"
    """Address the embedded host listens on; loopback unless told otherwise."""
    box_port: int = Field(default=7071, ge=1, le=65535)
    """Its port."""
    box_max_connections: int = Field(default=10_000, ge=16)
    """Connections to the embedded host at a time, shared out among its processes; fewer where the system allows fewer
    open files."""
    box_processes: int = Field(default=1, ge=1, le=64)
    """Processes of the embedded host that share its home and its address: no more than there are processors."""
    public_base_url: str = ""
    """What clients call, for links and log lines; empty: http://host:port."""

    # Azure storage; when none of these is set, the embedded SQLite adapters are used
    azure_web_jobs_storage: SecretStr = Field(default=SecretStr(""), validation_alias="AzureWebJobsStorage")
    """Connection string of the storage account, or `UseDevelopmentStorage=true` for Azurite; with this and the next
    three empty, SQLite and a folder are used."""
    table_service_uri: str = Field(default="", validation_alias="AzureWebJobsStorage__tableServiceUri")
    """Storage by identity instead: the table service."""
    blob_service_uri: str = Field(default="", validation_alias="AzureWebJobsStorage__blobServiceUri")
    """The blob service."""
    queue_service_uri: str = Field(default="", validation_alias="AzureWebJobsStorage__queueServiceUri")
    """The queue service."""
    azure_client_id: str = ""
    """Client id of the user-assigned identity; empty: whatever DefaultAzureCredential finds."""

    # scheduled backups of a storage account
    backup_hours: int = Field(default=0, ge=0, le=24 * 30)
    """Hours between two backups of the storage account into its container `backups`, such as 24; 0: none is taken. The
    hourly timer looks whether one is due."""
    backups_kept: int = Field(default=7, ge=1)
    """How many of them stay; older ones are removed when a new one is whole."""

    # the model
    box_model_base_url: str = ""
    """Base URL of any Responses API. This and the next win over all others, whose names programs read, too."""
    box_model_api_key: SecretStr = SecretStr("")
    """Its key; alone, without a base URL, it means OpenAI itself."""
    openai_base_url: str = ""
    """Base URL of any Responses API."""
    openai_api_key: SecretStr = SecretStr("")
    """Its key; alone, without a base URL, it means OpenAI itself."""
    azure_openai_endpoint: str = ""
    """Azure OpenAI resource; wins over `OPENAI_BASE_URL`."""
    azure_openai_api_key: SecretStr = SecretStr("")
    """Its key; empty: the identity."""
    model_aliases: dict[str, str] = Field(default_factory=dict)
    """Requested model -> deployed model, as JSON; a key such as `gpt-4o*` stands for all names that begin so (the
    longest wins), the key `*` is the default for all others."""
    model_endpoints: Annotated[dict[EndpointName, ModelEndpoint], AfterValidator(checked)] = Field(default_factory=dict)
    """Further endpoints with the same models, as JSON: name -> `base_url`, `api_key`, `api_key_variable` or `identity`,
    `deployments`, `priority` and `weight`; one fails, another goes on. See docs/guides/model.md."""
    model_turns: str = Field(default="streamed", pattern="^(streamed|background)$")
    """How a turn is taken when nobody is listening: hold the connection, or start and poll."""
    completion_windows: str = Field(default="", pattern="^(|2h|8h|2h, ?8h|8h, ?2h)$")
    """What polled runs may ask for by `metadata.completion_window`, separated by commas: the provider's discounted
    background turns, which may take `2h` or `8h`; empty: nothing."""
    service_tiers: str = ""
    """What runs may ask for by `metadata.service_tier`, separated by commas, such as `flex`; empty: nothing."""
    reasoning_summary: str = Field(default="", pattern="^(|auto|concise|detailed)$")
    """How much models should tell of their reasoning: `auto`, `concise` or `detailed`, of which the beginning stands in
    `metadata.reasoning_summary` of run steps; empty: nothing."""
    model_stream_obfuscation: bool = True
    """Whether the model's server may pad the pieces of an answer with random characters, lest their lengths tell texts
    to those who watch the encrypted connection; `false`, on a link that you trust, asks it to leave that out (where it
    takes `stream_options.include_obfuscation`, as OpenAI does). It saves bytes, and the time to read them."""
    model_context_tokens: int = 120_000
    """What a prompt may hold before older messages are dropped, in tokens as the box estimates them."""
    forward_other_calls: bool = True
    """Whether calls of the client that are not the box's own (chat completions, responses, embeddings, images, audio,
    moderations) are passed on to the model's endpoint, with the box's credentials. No budget of the box counts them."""
    prompt_cache_ttl: str = Field(default="", pattern="^(|30m|12h)$")
    """How long the provider keeps the beginning of a prompt at least, from gpt-5.6 on: `30m`, or `12h` where it offers
    that; empty: as the provider does it, which is half an hour, too."""

    # file search
    embedding_model: str = "text-embedding-3-small"
    """Model or deployment at the same endpoint, for vector stores without vectors; empty, or where the endpoint has no
    such model: words and parts of words only."""

    # what is kept, and for how long
    retention_days: Annotated[dict[str, Annotated[int, Field(ge=1)]], BeforeValidator(for_everybody)] = Field(
        default_factory=dict
    )
    """Days after which housekeeping deletes threads that nobody has added to: a number for all owners, or owner -> days
    as JSON, `*` being everybody who is not named; nothing: they stay. A thread's `metadata.retention_days` can shorten
    it."""

    # runs and calls
    function_timeout: str = Field(
        default="", validation_alias="AzureFunctionsJobHost__functionTimeout", pattern=r"^(|-1|([0-9]+\.)?\d+:\d+:\d+)$"
    )
    """What an invocation may take, as `hours:minutes:seconds`; empty: as `host.json` says. A minute before that (or a
    fifth of the time, if that is less) the box itself ends what is left, on a laptop, too."""
    run_lifetime_seconds: int = 600
    """After so many seconds a run that is not over expires. Keep it below `functionTimeout` (`host.json`, 15 minutes):
    a longer turn of the model would be begun again."""
    approval_lifetime_seconds: int = Field(default=86_400, ge=1, le=31_536_000)
    """How long a run waits for somebody to approve a tool call, instead of `RUN_LIFETIME_SECONDS`, which counts anew
    from then on."""
    run_start: str = Field(default="here", pattern="^(here|queue)$")
    """Who drives a run that is polled: `here`, the process that accepted it, at once and while it has room; `queue`,
    whoever takes its message."""
    runs_at_once: int = Field(default=64, ge=0)
    """Runs that a process drives at once because it accepted them, streamed ones included, before polled ones wait in
    the queue; as many again for the first run of each owner who has none there; and as many that the embedded host
    takes from there."""
    lease_seconds: float = 60
    """How long a worker may be silent before its run is driven by another."""
    max_turns: int = Field(default=100, ge=1)
    """Model turns that a run may take; one that wants more ends as `failed`, with `server_error`."""
    heartbeat_seconds: float = Field(default=2, validation_alias=AliasChoices("heartbeat_seconds", "look_seconds"))
    """How often a driver that waits for the model sees whether its run was cancelled (once `LOOK_SECONDS`, which is
    still read)."""

    # the code interpreter
    sandbox: str = Field(default="auto", pattern="^(auto|bwrap|landlock|aca|unsafe-subprocess|none)$")
    """Where model-written code runs: `auto` is bubblewrap, else Landlock, else nowhere; `aca` is a session pool."""
    sandbox_pool_endpoint: str = ""
    """Management endpoint of the Container Apps session pool, for `aca`."""

    # tools
    server_tools_allowed: dict[str, list[str]] = Field(default={"*": ["*"]})
    """Owner -> names of the box's tools that the owner's runs may use, as JSON; `*` as an owner is everybody who is not
    named, as a tool all of them. `NAME:ask` lets a run wait until somebody approves the call, `NAME:deny` takes the
    tool out of `*`; of several words about a tool the strictest counts."""
    side_effects_per_run: int = Field(default=5, ge=0)
    """Calls with side effects (mails, events) that a run may make."""
    side_effects_per_hour: int = Field(default=20, ge=0)
    """Calls with side effects that the runs of an owner may make in any hour, all together."""
    mcp_allowed_hosts: str = ""
    """Hosts, or `host:port`, separated by commas, whose MCP servers need not be on the public internet. Others must be,
    at the ports 80 or 443."""
    key_vault_url: str = ""
    """Key vault whose key `headers` encrypts headers for MCP servers that requests bring; empty: a box of a folder has
    a key in its home, one on a storage account refuses them."""
    openapi_allowed_hosts: str = ""
    """The same for the servers of OpenAPI documents."""
    azure_function_queue_hosts: str = ""
    """Hosts, or `host:port`, separated by commas, of the storage accounts whose queues tools of type `azure_function`
    may use, such as `contoso.queue.core.windows.net`: they are sent tokens of the box's identity. Empty: none."""
    connections: dict[str, ServerConnection] = Field(default_factory=dict)
    """Name -> a server that tools of assistants may use, as JSON: `url`, how its addresses begin; `headers` that it is
    sent; `query` that APIs are sent, or in `url`; `audience`, for whom the box's identity gives it a token. Such as
    `{"weather": {"url": "https://mcp.contoso.com", "headers": {"Authorization": "Bearer ..."}}}`. Nobody sees them."""
    webhooks: dict[str, Webhook] = Field(default_factory=dict)
    """Name -> a server that is told when runs end or wait and files are indexed, as JSON: `url`, `secret` (`whsec_` and
    24 to 64 random bytes in base64), and `owners` and `events`, if not all. Such as
    `{"shop": {"url": "https://shop.example/hook", "secret": "whsec_...", "events": ["thread.run.*"]}}`."""
    webhook_allowed_hosts: str = ""
    """Hosts, or `host:port`, separated by commas, whose webhooks need not be on the public internet. Others must be,
    at the ports 80 or 443."""
    fetch_allowed_domains: str = ""
    """Domains that `fetch_article` may visit, separated by commas, subdomains one by one; empty: all."""
    send_email_url: str = ""
    """HTTP trigger of the Logic App that sends mail, without a signature; empty: no mail, or the embedded outbox."""
    create_event_url: str = ""
    """The same for the Logic App that writes into the calendar."""
    email_allowed_domains: str = ""
    """Domains that mails and invitations may go to, separated by commas; empty: nobody."""
    rest_countries_url: str = "https://api.restcountries.com/countries/v5"
    """Base address of REST Countries, version 5."""
    rest_countries_key: SecretStr = SecretStr("")
    """Key of REST Countries (the free one will do); empty: `get_country_info` says that it is missing."""

    @property
    def prompt_cache_seconds(self) -> float:
        """How long the beginning of a prompt may be found again, in seconds."""
        return 12 * 3600.0 if self.prompt_cache_ttl == "12h" else 1800.0

    @property
    def names_model(self) -> bool:
        """Whether a model is named; else the offline demo answers."""
        return self.names_main_model or bool(self.model_endpoints)

    @property
    def names_main_model(self) -> bool:
        """Whether a model is named by other settings than `MODEL_ENDPOINTS`."""
        return bool(self.azure_openai_endpoint or self.openai_base_url or self._has_key() or self.names_own_model)

    @property
    def names_own_model(self) -> bool:
        """Whether a model is named by settings that only a box reads."""
        return bool(self.box_model_base_url or self.box_model_api_key.get_secret_value())

    def model_from_environment(self) -> list[str]:
        """Variables of the process's environment that name the model; programs read the same ones."""
        if self.names_own_model:
            return []
        azure = ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY")
        names = azure if self.azure_openai_endpoint else ("OPENAI_BASE_URL", "OPENAI_API_KEY")
        return [name for name in names if os.environ.get(name)]

    def _has_key(self) -> bool:
        return bool(self.openai_api_key.get_secret_value())

    @property
    def uses_azure_storage(self) -> bool:
        """Whether records, files and messages live in a storage account."""
        return bool(self.azure_web_jobs_storage.get_secret_value() or self.table_service_uri)


def variable(name: str) -> str:
    """The environment variable of a setting: the first, if it is read under several names."""
    first = Settings.names(name)[0]
    return first.upper() if first.islower() else first
