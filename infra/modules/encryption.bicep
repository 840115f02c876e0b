// Optional: the right to wrap the storage account's keys with a key of yours, in the group of its vault.

param principalId string
param vaultName string
param cmkName string

var cryptoServiceEncryptionUser = 'e147488a-f6f5-4113-8e2d-b22465e65bf6'

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName

  resource cmk 'keys' existing = { name: cmkName }
}

resource onCmk 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault::cmk.id, principalId, cryptoServiceEncryptionUser)
  scope: vault::cmk
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', cryptoServiceEncryptionUser)
  }
}

output vaultUri string = vault.properties.vaultUri
