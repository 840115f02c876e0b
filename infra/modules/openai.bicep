// Azure OpenAI with its model deployments, named after their models. Entra tokens only.

param name string
param location string
param tags object
param publicAccess bool

@description('What to deploy.')
param models { name: string, version: string, sku: string, capacity: int }[]

@description('What to deploy besides.')
param more { name: string, version: string, sku: string, capacity: int }[]

resource account 'Microsoft.CognitiveServices/accounts@2026-07-01' = {
  name: name
  location: location
  tags: tags
  kind: 'OpenAI'
  sku: { name: 'S0' }
  properties: {
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: { defaultAction: publicAccess ? 'Allow' : 'Deny' }
  }
}

// One at a time: the account refuses two deployments at once.
@batchSize(1)
resource deployments 'Microsoft.CognitiveServices/accounts/deployments@2026-07-01' = [
  for model in concat(models, more): {
    parent: account
    name: model.name
    sku: {
      name: model.sku
      capacity: model.capacity
    }
    properties: {
      model: {
        format: 'OpenAI'
        name: model.name
        version: model.version
      }
      raiPolicyName: 'Microsoft.DefaultV2'
      versionUpgradeOption: 'OnceCurrentVersionExpired'
    }
  }
]

output name string = account.name
