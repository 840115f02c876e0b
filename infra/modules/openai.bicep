// Azure OpenAI with its model deployments, named after their models. Entra tokens only.

param name string

@description('OpenAI, or AIServices: a Foundry resource, which an upgrade makes of the former, under the same name.')
param kind string

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
  kind: kind
  sku: { name: 'S0' }
  // A Foundry resource has both of these, and projects that may be in it want them.
  identity: kind == 'AIServices' ? { type: 'SystemAssigned' } : null
  properties: {
    allowProjectManagement: kind == 'AIServices' ? true : null
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
