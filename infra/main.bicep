targetScope = 'subscription'

// Who and where

@minLength(1)
@maxLength(64)
@description('Name of the azd environment; every resource carries it as a tag.')
param environmentName string

@description('Region of the function app, its storage and the code sandbox: Flex Consumption and dynamic sessions both exist here.')
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@metadata({ azd: { type: 'location' } })
param location string

@description('Region of the model account: the Responses API and both default models exist here. azd offers those with quota left.')
@allowed([
  'australiaeast'
  'brazilsouth'
  'canadaeast'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'norwayeast'
  'polandcentral'
  'southafricanorth'
  'southcentralus'
  'southindia'
  'spaincentral'
  'swedencentral'
  'switzerlandnorth'
  'uaenorth'
  'uksouth'
  'westus'
  'westus3'
])
@metadata({
  azd: {
    type: 'location'
    usageName: [
      'OpenAI.GlobalStandard.gpt-5.6-luna,30'
      'OpenAI.GlobalStandard.text-embedding-3-small,30'
    ]
  }
})
param aiLocation string

@secure()
@description('Owner name -> "sha256:<hex>" of that owner\'s API key. The preprovision hook makes it; the keys themselves never get here. Empty: nobody may call. azd looks for missing values before it runs hooks, so without a default it would ask for this.')
param apiKeyHashes object = {}

@secure()
@description('Administrator\'s name -> "sha256:<hex>" of that administrator\'s key, made by the same hook of BOX_ADMIN_KEY. Empty: there are no routes for administrators.')
param adminKeyHashes object = {}

// The models

@description('The model behind the assistants; any name that a client asks for is answered by it.')
param chatModelName string = 'gpt-5.6-luna'

@description('Its version.')
param chatModelVersion string = '2026-07-09'

@description('How it is deployed: GlobalStandard, DataZoneStandard, Standard.')
param chatModelSku string = 'GlobalStandard'

@minValue(1)
@description('Its capacity, in thousands of tokens per minute.')
param chatModelCapacity int = 30

@description('Further chat models, as JSON: [{"name": "gpt-5.6-terra", "version": "2026-07-09", "sku": "GlobalStandard", "capacity": 10, "aliases": ["gpt-4*"]}]. Each answers for its own name and its aliases; an alias stands there once.')
param chatModels { name: string, version: string, sku: string, capacity: int, aliases: string[] }[] = []

@description('Name of an Azure OpenAI or Foundry resource of this subscription to use instead of a new one. The models are then names of deployments there, which this leaves as they are. Empty: a new resource.')
param openaiName string = ''

@description('The resource group it is in. Empty: the one that is made for the box.')
param openaiResourceGroup string = ''

@allowed(['OpenAI', 'AIServices'])
@description('Kind of the new resource: OpenAI, or AIServices once it was upgraded to a Foundry resource, by you or by Microsoft. A deployment as OpenAI would take the upgrade back.')
param openaiKind string = 'OpenAI'

@description('The model behind file search. After a change, vector stores that are there are embedded anew by box stores reembed.')
param embeddingModelName string = 'text-embedding-3-small'

@description('Its version.')
param embeddingModelVersion string = '1'

@description('How it is deployed: GlobalStandard, DataZoneStandard, Standard.')
param embeddingModelSku string = 'GlobalStandard'

@minValue(1)
@description('Its capacity, in thousands of tokens per minute.')
param embeddingModelCapacity int = 30

// The function app

@allowed([
  '3.13'
  '3.14'
])
@description('Python that the app is built for and runs on: 3.13 or 3.14.')
param pythonVersion string = '3.13'

@minValue(1)
@maxValue(1000)
@description('HTTP calls one instance serves at a time; an open stream counts as one.')
param httpConcurrency int = 50

@minValue(0)
@description('Instances kept warm for HTTP calls. Each costs money around the clock; 0 scales to zero.')
param alwaysReadyHttp int = 0

@minValue(0)
@description('Instances kept warm for queued runs; 0 scales to zero.')
param alwaysReadyRuns int = 0

@allowed(['RollingUpdate', 'Recreate'])
@description('What becomes of running work at an update. RollingUpdate (a preview in Azure) lets it end while new instances start; Recreate cuts it, and runs go on after their lease.')
param siteUpdateStrategy string = 'RollingUpdate'

@description('Keep storage and models off the public network, reached through private endpoints; the session pool and the Logic Apps keep public (authenticated) addresses. Costs about as much as a small server.')
param vnetEnabled bool = false

@description('Spread instances and stored bytes over the availability zones of the region, if it has them: two instances of each function group are always there, and paid for. Decide before the first deployment: storage does not change its kind afterwards.')
param zoneRedundant bool = false

// A key of yours

@description('Name of a Key Vault whose key encrypts the storage account, by role-based access and with purge protection. For new boxes: tables and queues take the key at their creation alone. Empty: keys of Microsoft.')
param cmkVaultName string = ''

@description('The resource group it is in. Empty: the one that is made for the box.')
param cmkVaultResourceGroup string = ''

@description('Name of the key; its newest version is used.')
param cmkName string = ''

// What can be brought back

@minValue(0)
@maxValue(365)
@description('Days for which deleted and replaced files, and deleted containers, can be brought back by the portal or az; they are paid for as long. 0: not at all. Tables have nothing of the kind.')
param blobRetentionDays int = 7

@minValue(0)
@maxValue(720)
@description('Hours between two backups of everything into the container backups, such as 24. 0: none is taken.')
param backupHours int = 0

@minValue(1)
@description('How many of these backups stay.')
param backupsKept int = 7

// Who is told

@description('Address that alerts are mailed to (poison, overdue runs, throttling, queue age, failed indexing, budgets, health). Each rule costs about half a dollar a month. Empty: there are no alerts.')
param alertEmail string = ''

// Mail and calendar

@description('Logic Apps behind the tools send_email and create_calendar_event. Without them the tools are not offered.')
param logicAppsEnabled bool = true

@description('Domains that mail and invitations may go to, separated by commas. Empty: nobody.')
param emailAllowedDomains string = ''

@description('Which tools of the box whose runs may use: JSON, owner -> names, * for everybody and for all. Empty: everybody all.')
param serverToolsAllowed string = ''

@description('Days after which threads that nobody has added to are deleted: a number, or JSON, owner -> days, * for everybody else. Empty: never.')
param retentionDays string = ''

@description('What a million tokens of a model cost: JSON, model -> input, output, cached_input, cache_write. Empty: usage is not told in money.')
param prices string = ''

@description('What owners and their assistants may use: JSON, owner -> tokens_per_day, cost_per_month, runs_at_once and the like, * for everybody else. Empty: without end.')
param budgets string = ''

@description('Domains that fetch_article may visit, separated by commas. Empty: all.')
param fetchAllowedDomains string = ''

@description('Who may call with a token of Entra ID beside those with keys: owner=object id, separated by commas. Empty: nobody.')
param entraOwners string = ''

@description('What those tokens are made for, separated by commas: what clients of Azure OpenAI ask for, or an application of yours.')
param entraAudience string = 'https://cognitiveservices.azure.com,https://ai.azure.com'

@description('Origins whose pages may call from a browser, separated by commas; not for public pages. Empty: none.')
param corsOrigins string = ''

@description('Whether chat completions, embeddings, images and other calls that are not the box\'s own are passed on to the model, uncounted.')
param forwardOtherCalls bool = true

@description('How long the model keeps the beginning of a prompt at least: 30m, or 12h where the model offers that. Empty: half an hour.')
@allowed(['', '30m', '12h'])
param promptCacheTtl string = ''

@description('How much the model tells of its reasoning, for the metadata of run steps: auto, concise or detailed. Empty: nothing.')
@allowed(['', 'auto', 'concise', 'detailed'])
param reasoningSummary string = ''

@description('Whether the model pads the pieces of its streams with random characters, against those who watch the encrypted connection.')
param modelStreamObfuscation bool = true

@description('Which discounted background turns polled runs may ask for: 2h, 8h or both, separated by a comma. Empty: none.')
@allowed(['', '2h', '8h', '2h,8h'])
param completionWindows string = ''

@description('Service tiers that runs may ask for, separated by commas, such as flex. Empty: none.')
param serviceTiers string = ''

// Servers of assistants' tools

@description('Hosts, or host:port, separated by commas, whose MCP servers need not be on the public internet. Empty: none.')
param mcpAllowedHosts string = ''

@description('The same for the servers of OpenAPI documents.')
param openapiAllowedHosts string = ''

@description('Hosts, separated by commas, of storage accounts whose queues tools of type azure_function may use. Empty: none.')
param azureFunctionQueueHosts string = ''

@secure()
@description('Further endpoints with the same models, as JSON: name, then base_url, api_key or identity, deployments, priority and weight. The identity needs the role Cognitive Services OpenAI User there. Empty: none.')
param modelEndpoints string = ''

@secure()
@description('Servers that assistants\' tools have credentials for, as JSON: name, then url, headers and audience. Empty: none.')
param connections string = ''

@description('A key vault whose key encrypts headers for MCP servers that requests bring; its address is public (and authenticated). Without one, such requests are refused.')
param vaultEnabled bool = false

// Webhooks

@secure()
@description('Servers that are told when runs end or wait and files are indexed, as JSON: name, then url, secret, owners and events. Empty: none.')
param webhooks string = ''

@description('Hosts, or host:port, separated by commas, whose webhooks need not be on the public internet. Empty: none.')
param webhookAllowedHosts string = ''

// Countries

@secure()
@description('Key of REST Countries, which the tool get_country_info asks; a free one will do. Empty: the tool says that it is missing.')
param restCountriesKey string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var aiToken = toLower(uniqueString(subscription().id, environmentName, aiLocation))
var tags = { 'azd-env-name': environmentName }

var ownGroup = 'rg-${environmentName}'
// Each further model answers for its own name, too: else that would be the first one's.
var named = flatten(map(chatModels, m => map(concat(m.aliases, [m.name]), alias => { alias: alias, model: m.name })))

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: ownGroup
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    insightsName: 'appi-${token}'
    location: location
    tags: tags
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: monitoring.outputs.workspaceName
  }
}

module alerts 'modules/alerts.bicep' = if (!empty(alertEmail)) {
  name: 'alerts'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

module encryption 'modules/encryption.bicep' = if (!empty(cmkVaultName)) {
  name: 'encryption'
  scope: resourceGroup(empty(cmkVaultResourceGroup) ? ownGroup : cmkVaultResourceGroup)
  params: {
    principalId: identity.outputs.principalId
    vaultName: cmkVaultName
    cmkName: cmkName
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    publicAccess: !vnetEnabled
    blobRetentionDays: blobRetentionDays
    zoneRedundant: zoneRedundant
    identityId: identity.outputs.id
    vaultUri: empty(cmkVaultName) ? '' : encryption!.outputs.vaultUri
    cmkName: cmkName
  }
}

module openai 'modules/openai.bicep' = if (empty(openaiName)) {
  name: 'openai'
  scope: group
  params: {
    name: 'oai-${aiToken}'
    kind: openaiKind
    location: aiLocation
    tags: tags
    publicAccess: !vnetEnabled
    models: [
      {
        name: chatModelName
        version: chatModelVersion
        sku: chatModelSku
        capacity: chatModelCapacity
      }
      {
        name: embeddingModelName
        version: embeddingModelVersion
        sku: embeddingModelSku
        capacity: embeddingModelCapacity
      }
    ]
    more: map(chatModels, m => { name: m.name, version: m.version, sku: m.sku, capacity: m.capacity })
  }
}

module openaiAccess 'modules/openai-access.bicep' = {
  name: 'openai-access'
  scope: resourceGroup(empty(openaiName) || empty(openaiResourceGroup) ? ownGroup : openaiResourceGroup)
  params: {
    principalId: identity.outputs.principalId
    openaiName: empty(openaiName) ? openai!.outputs.name : openaiName
  }
}

module sandbox 'modules/sandbox.bicep' = {
  name: 'sandbox'
  scope: group
  params: {
    name: 'pool${token}'
    location: location
    tags: tags
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageName: storage.outputs.name
    insightsName: monitoring.outputs.insightsName
    poolName: sandbox.outputs.name
  }
}

module vault 'modules/key-vault.bicep' = if (vaultEnabled) {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (vnetEnabled) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    storageId: storage.outputs.id
    openaiId: openaiAccess.outputs.id
  }
}

module logicApps 'modules/logic-apps.bicep' = if (logicAppsEnabled) {
  name: 'logic-apps'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    callerPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  // A site that starts before its roles exist fails its first reads with 403.
  dependsOn: [roles]
  params: {
    planName: 'plan-${token}'
    name: 'func-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    deploymentContainer: storage.outputs.deploymentContainer
    insightsConnection: monitoring.outputs.insightsConnection
    subnetId: vnetEnabled ? network!.outputs.appSubnetId : ''
    pythonVersion: pythonVersion
    httpConcurrency: httpConcurrency
    alwaysReadyHttp: alwaysReadyHttp
    alwaysReadyRuns: alwaysReadyRuns
    siteUpdateStrategy: siteUpdateStrategy
    zoneRedundant: zoneRedundant
    settings: {
      BOX_API_KEYS: string(apiKeyHashes)
      BOX_ADMIN_KEYS: string(adminKeyHashes)
      CORS_ORIGINS: corsOrigins
      FORWARD_OTHER_CALLS: string(forwardOtherCalls)
      ENTRA_OWNERS: entraOwners
      ENTRA_TENANT_ID: tenant().tenantId
      ENTRA_AUDIENCE: entraAudience
      ENTRA_AUTHORITY: environment().authentication.loginEndpoint
      AZURE_OPENAI_ENDPOINT: openaiAccess.outputs.endpoint
      MODEL_ALIASES: string(union({ '*': chatModelName }, toObject(named, each => each.alias, each => each.model)))
      MODEL_ENDPOINTS: modelEndpoints
      MODEL_TURNS: 'background'
      BACKUP_HOURS: string(backupHours)
      BACKUPS_KEPT: string(backupsKept)
      EMBEDDING_MODEL: embeddingModelName
      PROMPT_CACHE_TTL: promptCacheTtl
      REASONING_SUMMARY: reasoningSummary
      MODEL_STREAM_OBFUSCATION: string(modelStreamObfuscation)
      COMPLETION_WINDOWS: completionWindows
      SERVICE_TIERS: serviceTiers
      SANDBOX: 'aca'
      SANDBOX_POOL_ENDPOINT: sandbox.outputs.endpoint
      SEND_EMAIL_URL: logicAppsEnabled ? logicApps!.outputs.sendEmailUrl : ''
      CREATE_EVENT_URL: logicAppsEnabled ? logicApps!.outputs.createEventUrl : ''
      EMAIL_ALLOWED_DOMAINS: emailAllowedDomains
      FETCH_ALLOWED_DOMAINS: fetchAllowedDomains
      SERVER_TOOLS_ALLOWED: serverToolsAllowed
      MCP_ALLOWED_HOSTS: mcpAllowedHosts
      OPENAPI_ALLOWED_HOSTS: openapiAllowedHosts
      AZURE_FUNCTION_QUEUE_HOSTS: azureFunctionQueueHosts
      CONNECTIONS: connections
      KEY_VAULT_URL: vaultEnabled ? vault!.outputs.url : ''
      WEBHOOKS: webhooks
      WEBHOOK_ALLOWED_HOSTS: webhookAllowedHosts
      RETENTION_DAYS: retentionDays
      PRICES: prices
      BUDGETS: budgets
      REST_COUNTRIES_KEY: restCountriesKey
    }
  }
}

output BOX_BASE_URL string = '${functionApp.outputs.url}/v1'
output OFFICE365_CONNECTION_ID string = logicAppsEnabled ? logicApps!.outputs.connectionId : ''
output SETTINGS_KEPT string = functionApp.outputs.settingsKept
output SETTINGS_OVERRULED string = functionApp.outputs.settingsOverruled
