// The Flex Consumption plan and the function app; app-settings.bicep gives it its settings.

param planName string
param name string
param location string
param tags object
param identityId string
param identityClientId string
param blobEndpoint string
param queueEndpoint string
param tableEndpoint string
param deploymentContainer string
param insightsConnection string
param subnetId string
param pythonVersion string
param httpConcurrency int
param alwaysReadyHttp int
param alwaysReadyRuns int
param siteUpdateStrategy string
param zoneRedundant bool

@description('What the box itself reads; the host\'s own settings are added here.')
@secure()
param settings object

// What is kept warm: scale groups of Flex Consumption, which gives each queue function one of its own.
var warm = [
  { group: 'http', count: alwaysReadyHttp }
  { group: 'function:run_worker', count: alwaysReadyRuns }
]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: { minTlsVersion: '1.2' }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 100
        alwaysReady: map(filter(warm, r => r.count > 0), r => { name: r.group, instanceCount: r.count })
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      // Azure takes it in every version of the API; the published type does not know it yet.
      #disable-next-line BCP037
      siteUpdateStrategy: { type: siteUpdateStrategy }
    }
  }

  // Azure has refused these two without a location, which the published type does not know.
  resource ftpPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    #disable-next-line BCP187
    location: location
    properties: { allow: false }
  }

  resource publishPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    #disable-next-line BCP187
    location: location
    properties: { allow: false }
  }
}

module appSettings 'app-settings.bicep' = {
  name: 'app-settings'
  params: {
    siteName: site.name
    // Of a new site: nothing yet. Asked once the site is there, since it names the site.
    live: list('${site.id}/config/appsettings', '2025-03-01').properties
    wanted: union(settings, {
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      AzureWebJobsStorage__blobServiceUri: blobEndpoint
      AzureWebJobsStorage__queueServiceUri: queueEndpoint
      AzureWebJobsStorage__tableServiceUri: tableEndpoint
      AzureWebJobsDisableHomepage: 'true'
      AZURE_CLIENT_ID: identityClientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      PUBLIC_BASE_URL: 'https://${site.properties.defaultHostName}'
    })
  }
}

output url string = 'https://${site.properties.defaultHostName}'
output settingsKept string = appSettings.outputs.kept
output settingsOverruled string = appSettings.outputs.overruled
