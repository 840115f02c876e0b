"""Each check can fail: a copy of the deployment gets one fault, and the check names it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.infra.bicep_reader import BicepError, Reader
from tests.infra.infra_rules import RULES
from tests.infra.infra_tree import PROJECT, Tree

MAIN = "infra/main.bicep"
MONITORING = "infra/modules/monitoring.bicep"
OPENAI = "infra/modules/openai.bicep"
SANDBOX = "infra/modules/sandbox.bicep"
APP = "infra/modules/function-app.bicep"
ROLES = "infra/modules/roles.bicep"
STORAGE = "infra/modules/storage.bicep"
LOGIC = "infra/modules/logic-apps.bicep"
NETWORK = "infra/modules/network.bicep"
VAULT = "infra/modules/key-vault.bicep"
ACCESS = "infra/modules/openai-access.bicep"
ENCRYPTION = "infra/modules/encryption.bicep"
SETTINGS = "infra/modules/app-settings.bicep"
ALERTS = "infra/modules/alerts.bicep"
WORKBOOK = "infra/modules/workbook.bicep"
OPERATE = "docs/operate.md"
DEPLOY = ".github/workflows/azure-dev.yml"
CI = ".github/workflows/ci.yml"
LINTER = "infra/bicepconfig.json"
MAIL = "infra/workflows/send-email.json"
EVENT = "infra/workflows/create-event.json"
HOOK = "infra/hooks/preprovision.py"
PARAMETERS = "infra/main.parameters.json"

#: (check, file, what stands there, what stands there instead)
FAULTS = [
    ("names_are_declared", STORAGE, "location: location", "location: region"),
    ("names_are_declared", MAIN, "if (vnetEnabled)", "if (vnetEnable)"),
    ("names_are_declared", LOGIC, "workflow.definition", "workflows_.definition"),
    ("declarations_are_used", STORAGE, "var queueNames", "var spare = 1\nvar queueNames"),
    ("declarations_are_used", SANDBOX, "  tags: tags\n", ""),
    ("modules_fit_their_callers", MAIN, "    poolName: sandbox.outputs.name\n", ""),
    ("modules_fit_their_callers", MAIN, "    httpConcurrency: httpConcurrency", "    concurrency: httpConcurrency"),
    ("modules_fit_their_callers", MAIN, "storage.outputs.blobEndpoint", "storage.outputs.blobUri"),
    ("modules_fit_their_callers", MAIN, "modules/roles.bicep", "modules/rbac.bicep"),
    ("parameters_come_from_the_environment", PARAMETERS, '"${AZURE_LOCATION}"', '"${AZURE_LOCATION"'),
    ("parameters_come_from_the_environment", PARAMETERS, '"${VNET_ENABLED}"', '"${AZURE_LOCATION}"'),
    ("parameters_come_from_the_environment", PARAMETERS, '"vnetEnabled"', '"vnet"'),
    ("parameters_come_from_the_environment", MAIN, "param vnetEnabled bool", "param privateNetwork bool"),
    ("azd_asks_for_little", MAIN, "param apiKeyHashes object = {}", "param apiKeyHashes object"),
    ("azd_asks_for_little", MAIN, "param alwaysReadyHttp int = 0", "param alwaysReadyHttp int"),
    ("what_hooks_set_arrives", PARAMETERS, "${BOX_KEY_HASHES}", "${BOX_KEY_HASH}"),
    ("what_hooks_set_arrives", PARAMETERS, "${BOX_ADMIN_KEY_HASHES}", "${BOX_ADMIN_HASHES}"),
    ("what_hooks_set_arrives", HOOK, 'HASHES = "BOX_KEY_HASHES"', 'HASHES = "BOX_HASHES"'),
    ("what_hooks_set_arrives", HOOK, "    azd_set(HASHES, hashed(owners))\n", ""),
    ("what_hooks_set_arrives", MAIN, "param apiKeyHashes object = {}", "param apiKeyHashes object"),
    ("what_hooks_set_arrives", MAIN, "param entraOwners string = ''", "param entraOwners object = {}"),
    ("resources_were_compared", STORAGE, "    allowSharedKeyAccess: false", "    allowSharedKeysAccess: false"),
    ("resources_were_compared", STORAGE, "'Microsoft.Keyvault'", "'Microsoft.KeyVaults'"),
    ("resources_were_compared", APP, "maximumInstanceCount", "maximumInstancesCount"),
    ("resources_were_compared", APP, "ftpPassword 'basicPublishing", "ftpPassword 'publishing"),
    ("resources_were_compared", SANDBOX, "sessionPools@2026-01-01", "sessionPools@2026-01-02"),
    ("resources_were_compared", ALERTS, "'GreaterThan'", "'Greater'"),
    ("resources_were_compared", NETWORK, "privateLinkServiceConnections", "privateLinkConnections"),
    ("resources_were_compared", VAULT, "keyOps: ['wrapKey', 'unwrapKey']", "keyOps: ['wrapKeys', 'unwrapKey']"),
    ("names_fit_their_limits", VAULT, "    name: 'headers'", "    name: 'mcp_headers'"),
    ("services_have_one_version", OPENAI, "accounts@2026-07-01", "accounts@2025-06-01"),
    ("services_have_one_version", APP, "/config/appsettings', '2025-03-01'", "/config/appsettings', '2024-11-01'"),
    ("regions_have_the_services", MAIN, "  'westus'\n", "  'westu'\n"),
    ("regions_have_the_services", MAIN, "  'ukwest'\n", "  'southcentralus'\n"),
    ("regions_have_the_services", MAIN, "  'eastus'\n", "  'eastus'\n  'eastus'\n"),
    ("quota_metadata_matches_the_models", MAIN, "Name string = 'gpt-5.6-luna'", "Name string = 'gpt-5.5'"),
    ("quota_metadata_matches_the_models", MAIN, "chatModelCapacity int = 30", "chatModelCapacity int = 50"),
    ("default_models_have_dates", MAIN, "Version string = '2026-07-09'", "Version string = '2026-03-17'"),
    ("default_models_have_dates", "docs/deploy.md", "| 2028-02-09 |", "| some day |"),
    ("names_fit_their_limits", MAIN, "'st${token}'", "'storage-${token}'"),
    ("names_fit_their_limits", MAIN, "'st${token}'", "'apiinaboxdata${token}'"),
    ("names_fit_their_limits", MAIN, "'pool${token}'", "'pool-${token}'"),
    ("names_fit_their_limits", MAIN, "'func-${token}'", "'func-${environmentName}-${token}'"),
    ("names_fit_their_limits", MAIN, "'log-${token}'", "'login-${token}'"),
    ("names_fit_their_limits", STORAGE, "'ingestion-poison'", "'ingestion_poison'"),
    ("nothing_reads_a_secret", STORAGE, "= account.id", "= account.listKeys().keys[0].value"),
    ("nothing_reads_a_secret", STORAGE, "= account.id", "= listKeys(account.id, '2025-01-01').keys[0].value"),
    ("nothing_reads_a_secret", LOGIC, "${logicApps[0].properties.accessEndpoint}", "${listCallbackUrl(name)}"),
    ("nothing_reads_a_secret", LOGIC, "api-version=2016-10-01'", "api-version=2016-10-01&sig=abc'"),
    ("outputs_are_public", MAIN, "output BOX_BASE_URL", "output BOX_API_KEY"),
    ("outputs_are_public", MAIN, "'${functionApp.outputs.url}/v1'", "string(apiKeyHashes)"),
    ("outputs_are_public", MAIN, "'${functionApp.outputs.url}/v1'", "string(adminKeyHashes)"),
    ("secrets_stay_secure", MAIN, "@secure()\n@description('Owner", "@description('Owner"),
    ("secrets_stay_secure", MAIN, "@secure()\n@description('Administrator", "@description('Administrator"),
    ("secrets_stay_secure", MAIN, "@secure()\n@description('Key of REST", "@description('Key of REST"),
    ("secrets_stay_secure", APP, "@secure()\n", ""),
    ("secrets_stay_secure", MAIN, "restCountriesKey string = ''", "restCountriesKey string = 'abc'"),
    ("local_credentials_are_off", STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
    ("local_credentials_are_off", STORAGE, "    allowBlobPublicAccess: false\n", ""),
    ("local_credentials_are_off", STORAGE, "'TLS1_2'", "'TLS1_0'"),
    ("local_credentials_are_off", STORAGE, "supportsHttpsTrafficOnly: true", "supportsHttpsTrafficOnly: publicAccess"),
    ("local_credentials_are_off", OPENAI, "    disableLocalAuth: true\n", ""),
    ("local_credentials_are_off", MONITORING, "DisableLocalAuth: true", "DisableLocalAuth: false"),
    ("local_credentials_are_off", SANDBOX, "EgressDisabled", "EgressEnabled"),
    ("local_credentials_are_off", SANDBOX, "  tags: tags\n", "  identity: { type: 'None' }\n"),
    ("local_credentials_are_off", APP, "httpsOnly: true", "httpsOnly: false"),
    ("local_credentials_are_off", APP, "minTlsVersion: '1.2'", "minTlsVersion: '1.0'"),
    ("local_credentials_are_off", APP, "type: 'UserAssigned'", "type: 'SystemAssigned'"),
    ("local_credentials_are_off", LOGIC, "state: 'Disabled'", "state: 'Enabled'"),
    ("publishing_passwords_are_off", APP, "allow: false", "allow: true"),
    ("publishing_passwords_are_off", APP, "name: 'scm'", "name: 'ftp'"),
    ("publishing_passwords_are_off", APP, "    location: location\n    properties: { allow", "    properties: { allow"),
    ("roles_are_the_least", ROLES, "  '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // ", "  // "),
    ("roles_are_the_least", ACCESS, "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd", "a001fd3d-188f-4b5d-821b-7da978bf7442"),
    ("roles_are_the_least", ROLES, "'ServicePrincipal'", "'ServicePrinciple'"),
    ("roles_are_the_least", ROLES, "    principalType: 'ServicePrincipal'\n", ""),
    ("roles_are_the_least", ROLES, "  scope: pool\n", ""),
    ("roles_are_the_least", ACCESS, "guid(openai.id, principalId, ", "guid(openai.id, "),
    ("roles_come_before_the_site", MAIN, "  dependsOn: [roles]\n", ""),
    ("triggers_admit_one_identity", LOGIC, "claims: [issuer, caller,", "claims: [issuer,"),
    ("triggers_admit_one_identity", LOGIC, "claims: [issuer, caller,", "claims: [caller,"),
    ("triggers_admit_one_identity", LOGIC, "${tenant().tenantId}/'", "common/'"),
    ("triggers_admit_one_identity", LOGIC, "'https://management.azure.com'", "'https://graph.microsoft.com'"),
    ("settings_are_those_the_app_reads", MAIN, "      MODEL_TURNS: 'background'\n", ""),
    ("settings_are_those_the_app_reads", MAIN, "MODEL_ALIASES:", "MODEL_ALIAS:"),
    ("settings_are_those_the_app_reads", APP, "    AzureWebJobsStorage__tableServiceUri: tableEndpoint\n", ""),
    ("settings_are_those_the_app_reads", APP, "    AzureWebJobsDisableHomepage: 'true'\n", ""),
    ("settings_are_those_the_app_reads", MAIN, "SANDBOX: 'aca'", "SANDBOX: 'aca'\n      BOX_PORT: '80'"),
    ("settings_suit_flex_consumption", MAIN, "SANDBOX: 'aca'", "FUNCTIONS_WORKER_RUNTIME: 'python'"),
    ("settings_suit_flex_consumption", APP, "AZURE_CLIENT_ID: identityClientId", "AZURE_CLIENT_ID: identityId"),
    ("settings_suit_flex_consumption", APP, "credential: 'managedidentity'", "credential: 'none'"),
    ("site_runs_this_project", APP, "name: 'python'", "name: 'phyton'"),
    ("site_runs_this_project", APP, "version: pythonVersion", "version: '3.10'"),
    ("site_runs_this_project", MAIN, "pythonVersion string = '3.13'", "pythonVersion string = '3.14'"),
    ("site_runs_this_project", MAIN, "  '3.13'\n", "  '3.12'\n  '3.13'\n"),
    ("site_runs_this_project", APP, "minTlsVersion: '1.2' }", "minTlsVersion: '1.2', ftpsState: 'Disabled' }"),
    ("site_runs_this_project", APP, "type: 'UserAssignedIdentity'", "type: 'StorageAccountConnectionString'"),
    ("site_runs_this_project", APP, "name: 'FC1'", "name: 'Y1'"),
    ("site_runs_this_project", APP, "'azd-service-name': 'api'", "'azd-service-name': 'web'"),
    ("site_runs_this_project", MAIN, "alwaysReadyHttp int = 0", "alwaysReadyHttp int = 1"),
    ("site_runs_this_project", MAIN, "vnetEnabled bool = false", "vnetEnabled bool = true"),
    ("functions_find_what_they_name", APP, "'function:run_worker'", "'function:run_wroker'"),
    ("functions_find_what_they_name", STORAGE, "'ingestion', ", ""),
    ("functions_find_what_they_name", "function_app.py", '"runs-poison"', '"runs-dead"'),
    ("functions_find_what_they_name", "function_app.py", "async def run_worker", "async def drive"),
    ("storage_has_what_the_app_opens", STORAGE, "name: 'files'", "name: 'box'"),
    ("storage_has_what_the_app_opens", STORAGE, "name: 'records'", "name: 'rows'"),
    ("storage_has_what_the_app_opens", "shared/app.py", '"records"', '"rows"'),
    ("storage_has_what_the_app_opens", "shared/app.py", 'queues, "ingestion"', 'queues, "ingest"'),
    ("azure_yaml_follows_its_rules", "azure.yaml", "name: api-in-a-box\n", ""),
    ("azure_yaml_follows_its_rules", "azure.yaml", "path: infra\n", "path: deploy\n"),
    ("azure_yaml_follows_its_rules", "azure.yaml", "host: function", "host: functions"),
    ("azure_yaml_follows_its_rules", "azure.yaml", "language: python", "language: py3"),
    ("azure_yaml_follows_its_rules", "azure.yaml", ">= 1.24.0", ">= 1.9.0"),
    ("azure_yaml_follows_its_rules", "azure.yaml", "  postprovision:", "  afterprovision:"),
    ("azure_yaml_follows_its_rules", "azure.yaml", "python3 infra/hooks/preprovision.py", "python3 hooks/pre.py"),
    ("azure_yaml_follows_its_rules", "azure.yaml", "shell: pwsh", "shell: sh"),
    ("workflows_take_what_the_tools_send", MAIL, '"to": { "type"', '"recipients": { "type"'),
    ("workflows_take_what_the_tools_send", MAIL, '"body": { "type": "string" }', '"body": { "type": "object" }'),
    ("workflows_take_what_the_tools_send", EVENT, '"time_zone": { "type": "string" },', ""),
    ("outputs_are_used", MAIN, "output BOX_BASE_URL", "output BOX_URL"),
    ("workflows_keep_their_promises", MAIL, '"operationOptions": "EnableSchemaValidation",', ""),
    ("workflows_keep_their_promises", MAIL, '"additionalProperties": false', '"additionalProperties": true'),
    ("workflows_keep_their_promises", MAIL, '"required": ["to", "subject", "body"]', '"required": ["to"]'),
    ("workflows_keep_their_promises", MAIL, '{ "type": "none" }', '{ "type": "exponential" }'),
    ("workflows_keep_their_promises", MAIL, '["inputs", "outputs"]', '["inputs"]'),
    ("workflows_keep_their_promises", MAIL, '["outputs"]', "[]"),
    ("workflows_keep_their_promises", MAIL, "triggerBody()?['body']", "triggerBody()?['html']"),
    ("workflows_keep_their_promises", MAIL, '["Failed", "TimedOut"]', '["Failed"]'),
    ("values_are_the_services_own", STORAGE, "Standard_LRS", "Standard_RLS"),
    ("values_are_the_services_own", STORAGE, "'StorageV2'", "'Storage'"),
    ("values_are_the_services_own", OPENAI, "name: 'S0'", "name: 'S1'"),
    ("values_are_the_services_own", OPENAI, "  kind: kind\n", "  kind: 'OpenAI'\n"),
    ("model_resource_stays_what_it_is", OPENAI, "== 'AIServices' ? true", "!= 'AIServices' ? true"),
    ("model_resource_stays_what_it_is", MAIN, "['OpenAI', 'AIServices']", "['OpenAi', 'AIServices']"),
    ("model_resource_stays_what_it_is", MAIN, "kind: openaiKind", "kind: 'OpenAI'"),
    ("values_are_the_services_own", OPENAI, "format: 'OpenAI'", "format: 'Openai'"),
    ("values_are_the_services_own", OPENAI, "OnceCurrentVersionExpired", "OnceCurrentVersionExpires"),
    ("values_are_the_services_own", OPENAI, "Microsoft.DefaultV2", "Microsoft.Defaultv3"),
    ("values_are_the_services_own", SANDBOX, "'Timed'", "'Timer'"),
    ("values_are_the_services_own", SANDBOX, "'PythonLTS'", "'PythonLts'"),
    ("values_are_the_services_own", SANDBOX, "'Dynamic'", "'Static'"),
    ("values_are_the_services_own", MONITORING, "'PerGB2018'", "'PerGB2008'"),
    ("values_are_the_services_own", MONITORING, "Application_Type: 'web'", "Application_Type: 'site'"),
    ("values_are_the_services_own", LOGIC, "WorkflowRuntime", "WorkflowRuntimes"),
    ("values_are_the_services_own", LOGIC, "state: 'Enabled'", "state: 'Enable'"),
    ("values_are_the_services_own", APP, "'functionapp,linux'", "'functionapp, linux'"),
    ("values_are_the_services_own", APP, "reserved: true", "reserved: false"),
    ("values_are_the_services_own", APP, "'blobContainer'", "'blobcontainers'"),
    ("values_are_the_services_own", STORAGE, "Enabled: blobRetentionDays > 0", "Enabled: false"),
    ("values_are_the_services_own", STORAGE, "'Lifecycle'", "'LifeCycle'"),
    ("values_are_the_services_own", STORAGE, "{ version: {", "{ snapshot: {"),
    ("values_are_the_services_own", STORAGE, "{ enabled: true, days: blobRetentionDays } :", "{ enabled: true } :"),
    ("local_credentials_are_off", STORAGE, "'AzureServices'", "'AzureServices, Logging'"),
    ("values_are_the_services_own", APP, "siteUpdateStrategy: {", "updateStrategy: {"),
    ("groups_kept_warm_exist", APP, "group: 'http'", "group: 'https'"),
    ("groups_kept_warm_exist", APP, "count: alwaysReadyHttp", "count: alwaysReadyRuns"),
    ("updates_follow_a_known_strategy", MAIN, "['RollingUpdate'", "['Rolling'"),
    ("updates_follow_a_known_strategy", MAIN, "string = 'RollingUpdate'", "string = 'Recreate'"),
    ("private_endpoints_find_their_service", NETWORK, "group: 'account'", "group: 'accounts'"),
    ("private_endpoints_find_their_service", NETWORK, "privatelink.queue", "privatelink.queues"),
    ("private_endpoints_find_their_service", NETWORK, "Microsoft.App/environments", "Microsoft.Web/serverFarms"),
    ("connection_is_office365", LOGIC, "'office365')", "'office356')"),
    ("linter_is_strict", LINTER, '"no-unused-params": { "level": "error" }', '"no-unused-params": { "level": "off" }'),
    ("linter_is_strict", LINTER, '"use-safe-access"', '"use-save-access"'),
    ("linter_is_strict", LINTER, '"enabled": true', '"enabled": false'),
    ("types_are_not_switched_off", OPENAI, "{ name: string, version: string, sku: string, capacity: int }[]", "array"),
    ("types_are_not_switched_off", MONITORING, "workspace.id\n", "any(workspace.id)\n"),
    ("files_are_there", ALERTS, "queries/poison.kql", "queries/poisson.kql"),
    ("files_are_there", LOGIC, "workflows/send-email.json", "workflow/send-email.json"),
    ("actions_run_on_todays_runners", ".github/workflows/ci.yml", "setup-python@v6", "setup-python@v5"),
    ("alerts_reach_somebody", ALERTS, "for rule in rules", "for rule in []"),
    ("alerts_reach_somebody", ALERTS, "actionGroups: [mail.id]", "actionGroups: []"),
    ("alerts_reach_somebody", ALERTS, "emailAddress: email", "emailAddress: token"),
    ("alerts_reach_somebody", ALERTS, "threshold: 0", "threshold: 1"),
    ("alerts_reach_somebody", ALERTS, "skipQueryValidation: true", "skipQueryValidation: false"),
    ("alerts_reach_somebody", ALERTS, "'PT15M'", "'PT1D'"),
    ("alerts_reach_somebody", ALERTS, "'Count'", "'Counts'"),
    ("alerts_reach_somebody", ALERTS, "scopes: [workspaceId]", "scopes: []"),
    ("alerts_reach_somebody", ALERTS, "'global'", "location"),
    ("alerts_reach_somebody", ALERTS, "Name: 'api-in-a-box'", "Name: 'api-in-a-box-alerts'"),
    ("alerts_reach_somebody", MAIN, "if (!empty(alertEmail))", "if (empty(alertEmail))"),
    ("alerts_reach_somebody", MAIN, "alertEmail string = ''", "alertEmail string = 'me@example.com'"),
    ("alerts_lead_to_a_cure", ALERTS, "name: 'poison'", "name: 'poisoned'"),
    ("alerts_lead_to_a_cure", ALERTS, "'../queries/throttled.kql'", "'../queries/poison.kql'"),
    ("alerts_lead_to_a_cure", ALERTS, "severity: 1", "severity: 5"),
    ("alerts_lead_to_a_cure", OPERATE, "### queue-age", "### The queue's age"),
    ("every_line_is_kept", "host.json", "Request;Trace", "Request"),
    ("workbook_draws_the_log", WORKBOOK, "shape: 'barchart'", "shape: 'bars'"),
    ("workbook_draws_the_log", WORKBOOK, "kind: 'shared'", "kind: 'user'"),
    ("workbook_draws_the_log", WORKBOOK, "'run_id:string'", "'id:string'"),
    ("workbook_draws_the_log", WORKBOOK, "    etag: '*'\n", ""),
    ("workbook_draws_the_log", WORKBOOK, "FromParameter: 'period'", "FromParameter: 'time'"),
    ("roles_are_the_least", ENCRYPTION, "e147488a-f6f5-4113-8e2d-b22465e65bf6", "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"),
    ("roles_are_the_least", ENCRYPTION, "scope: vault::cmk\n", "scope: vault\n"),
    ("nothing_reads_a_secret", APP, "wanted: union(settings", "more: list(plan.id, '1')\n    wanted: union(settings"),
    ("nothing_reads_a_secret", APP, "/config/appsettings'", "/config/publishingcredentials'"),
    ("secrets_stay_secure", SETTINGS, "@secure()\nparam live", "param live"),
    ("secrets_stay_secure", SETTINGS, "@secure()\nparam wanted", "param wanted"),
    ("existing_models_are_used", MAIN, "= if (empty(openaiName))", "= if (empty(openaiResourceGroup))"),
    ("existing_models_are_used", MAIN, "empty(openaiName) || empty(openaiResourceGroup)", "empty(openaiResourceGroup)"),
    ("existing_models_are_used", MAIN, "empty(openaiName) ? openai!.outputs.name : openaiName", "openaiName"),
    ("existing_models_are_used", ACCESS, "== 'AIServices'", "== 'AiServices'"),
    ("keys_of_others_are_found", MAIN, "? ownGroup : cmkVaultResourceGroup", "? ownGroup : ownGroup"),
    ("keys_of_others_are_found", MAIN, "= if (!empty(cmkVaultName))", "= if (!empty(cmkName))"),
    ("keys_of_others_are_found", STORAGE, "keyType: 'Account'", "keyType: 'Service'"),
    ("values_are_the_services_own", STORAGE, "queue: ours, ", ""),
    ("values_are_the_services_own", STORAGE, "'Microsoft.Keyvault'", "'Microsoft.KeyVaults'"),
    ("values_are_the_services_own", STORAGE, "'Standard_ZRS'", "'Standard_RSZ'"),
    ("values_are_the_services_own", APP, "zoneRedundant: zoneRedundant", "zoneRedundancy: zoneRedundant"),
    ("what_was_set_by_hand_stays", SETTINGS, ": !contains(last, s.key)", ": false"),
    ("what_was_set_by_hand_stays", SETTINGS, ": !contains(last, s.key)", ": true"),
    ("what_was_set_by_hand_stays", SETTINGS, "last[?s.key] == uniqueString(string(wanted[s.key])) && ", ""),
    ("what_was_set_by_hand_stays", SETTINGS, "union(wanted, toObject(kept", "union(wanted, toObject(items(wanted)"),
    ("what_was_set_by_hand_stays", SETTINGS, "(items(wanted), s => s.key, s => uniq", "(kept, s => s.key, s => uniq"),
    ("what_was_set_by_hand_stays", APP, "    live: list(", "    now: list("),
    ("further_models_are_deployed_and_named", MAIN, "concat(m.aliases, [m.name])", "m.aliases"),
    ("further_models_are_deployed_and_named", MAIN, "sku: m.sku, ", ""),
    ("further_models_are_deployed_and_named", OPENAI, "concat(models, more)", "models"),
    ("further_models_are_deployed_and_named", OPENAI, "@batchSize(1)\n", ""),
    ("workflows_hold_no_password", DEPLOY, "  id-token: write\n", ""),
    ("workflows_hold_no_password", DEPLOY, "contents: read", "contents: write"),
    ("workflows_hold_no_password", DEPLOY, "--federated-credential-provider github", "--client-secret x"),
    ("workflows_hold_no_password", CI, "contents: read", "contents: write"),
    ("workflows_hold_no_password", CI, "node-version: 22", "token: ${{ secrets.BOX_API_KEY }}"),
    ("workflows_do_their_work", CI, "- run: .ci/run", "- run: make check"),
    ("workflows_do_their_work", CI, "az bicep build", "az bicep lint"),
    ("workflows_do_their_work", DEPLOY, "run: azd deploy", "run: azd package"),
    ("workflows_do_their_work", DEPLOY, "concurrency: deploy\n", ""),
    ("pipelines_carry_what_is_set", DEPLOY, "          CONNECTIONS: ${{ secrets.CONNECTIONS }}\n", ""),
    ("pipelines_carry_what_is_set", DEPLOY, "secrets.BOX_ADMIN_KEY", "secrets.BOX_ADMIN"),
    ("pipelines_carry_what_is_set", DEPLOY, "toJSON(vars)", "toJSON(secrets)"),
    ("pipelines_carry_what_is_set", "azure.yaml", "    - AZURE_OPENAI_CHAT_MODELS\n", ""),
    ("pipelines_carry_what_is_set", "azure.yaml", "- AZURE_OPENAI_LOCATION", "- AZURE_OPENAI_REGION"),
    ("pipelines_carry_what_is_set", "azure.yaml", "    - BOX_API_KEY\n", "    - BOX_APIKEY\n"),
]  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / ".github", tmp_path / ".github")
    for folder in ("shared", "docs"):
        (tmp_path / folder).mkdir()
    for name in (
        "azure.yaml",
        "docs/deploy.md",
        "docs/operate.md",
        "host.json",
        ".python-version",
        "function_app.py",
        "shared/app.py",
    ):
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(("rule", "file", "old", "new"), FAULTS)
def test_a_fault_is_found(tree: Tree, copy: Path, rule: str, file: str, old: str, new: str):
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1))
    assert set(RULES[rule](Tree.load(copy))) - set(RULES[rule](tree))


def test_every_check_has_a_fault():
    assert {rule for rule, *_ in FAULTS} == set(RULES)


@pytest.mark.parametrize(
    "text",
    [
        "param x string =\n",
        "param\n",
        "parm x string\n",
        "var x = {\n  a: 1\n",
        "var x = {\n  a: 1\n  a: 2\n}\n",
        "var x = { a: 1 b: 2 }\n",
        "var x = [1 2]\n",
        "var x = 'never closed\n",
        "var x = 'open ${y\n",
        "var x = f(1\n",
        "var x = a ? b\n",
        "var x = y z\n",
        "var x = \"double\"\n",
        "resource x 'a/b@1' {\n}\n",
        "param x { a: string b: int }\n",
        "param x string[\n",
        "var x = map(y, z => )\n",
    ],
)  # fmt: skip
def test_bad_bicep_does_not_parse(text: str):
    with pytest.raises(BicepError):
        Reader(text).read()
