// Everything the box keeps: file bytes, records, queues, the deployed package. No account keys.

param name string
param location string
param tags object
param publicAccess bool

@minValue(0)
@maxValue(365)
@description('Days for which deleted and replaced blobs, and deleted containers, can be brought back; 0: not at all.')
param blobRetentionDays int

param zoneRedundant bool
param identityId string

@description('Of the vault with a key of yours; empty: keys of Microsoft.')
param vaultUri string
param cmkName string

// Tables and queues are encrypted with the account's key, and so with yours, only if they were made so.
var ours = { enabled: true, keyType: 'Account' }

var queueNames = ['runs', 'runs-poison', 'ingestion', 'ingestion-poison', 'backups', 'backups-poison']

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  identity: empty(vaultUri) ? null : { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    encryption: empty(vaultUri)
      ? null
      : {
          keySource: 'Microsoft.Keyvault'
          identity: { userAssignedIdentity: identityId }
          keyvaultproperties: { keyvaulturi: vaultUri, keyname: cmkName }
          services: { blob: ours, file: ours, queue: ours, table: ours }
        }
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: publicAccess ? 'Allow' : 'Deny'
      // The rule below comes from outside of the network.
      bypass: 'AzureServices'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: blobRetentionDays > 0
    deleteRetentionPolicy: blobRetentionDays > 0 ? { enabled: true, days: blobRetentionDays } : { enabled: false }
    containerDeleteRetentionPolicy: blobRetentionDays > 0
      ? { enabled: true, days: blobRetentionDays }
      : { enabled: false }
  }
}

// Replaced blobs stay as versions until somebody deletes them.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = if (blobRetentionDays > 0) {
  parent: account
  name: 'default'
  dependsOn: [blobs]
  properties: {
    policy: {
      rules: [
        {
          name: 'old-versions'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: { version: { delete: { daysAfterCreationGreaterThan: blobRetentionDays } } }
          }
        }
      ]
    }
  }
}

resource files 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: blobs
  name: 'files'
}

resource backups 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: blobs
  name: 'backups'
}

resource deployments 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: blobs
  name: 'deployments'
}

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2026-04-01' = {
  parent: account
  name: 'default'
}

resource records 'Microsoft.Storage/storageAccounts/tableServices/tables@2026-04-01' = {
  parent: tableService
  name: 'records'
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2026-04-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' = [
  for queueName in queueNames: {
    parent: queueService
    name: queueName
  }
]

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
output tableEndpoint string = account.properties.primaryEndpoints.table
output deploymentContainer string = deployments.name
