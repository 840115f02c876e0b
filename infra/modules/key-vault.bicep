// Optional: the key that encrypts headers for MCP servers which requests bring. It never leaves the vault, a new version
// comes every 90 days, and the box may have data keys wrapped and unwrapped by it, and nothing else.

param name string
param location string
param tags object
param principalId string

var roleId = 'e147488a-f6f5-4113-8e2d-b22465e65bf6' // Key Vault Crypto Service Encryption User

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: 'Enabled'
  }

  // One that is there already is left as it is.
  resource headers 'keys' = {
    name: 'headers'
    properties: {
      kty: 'RSA'
      keySize: 2048
      keyOps: ['wrapKey', 'unwrapKey']
      rotationPolicy: {
        lifetimeActions: [
          {
            trigger: { timeAfterCreate: 'P90D' }
            action: { type: 'rotate' }
          }
        ]
      }
    }
  }
}

resource onVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, roleId)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
  }
}

output url string = vault.properties.vaultUri
