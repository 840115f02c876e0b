// The right to ask the models of one Azure OpenAI or Foundry resource, in whichever resource group that is.

param principalId string
param openaiName string

var openaiUser = '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'

resource openai 'Microsoft.CognitiveServices/accounts@2026-07-01' existing = { name: openaiName }

resource onOpenai 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(openai.id, principalId, openaiUser)
  scope: openai
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', openaiUser)
  }
}

output id string = openai.id
// A Foundry resource has several addresses; the private endpoint's zone is that of this one.
output endpoint string = openai.kind == 'AIServices'
  ? 'https://${openai.properties.customSubDomainName}.openai.azure.com/'
  : openai.properties.endpoint
