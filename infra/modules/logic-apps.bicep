// The hands of send_email and create_calendar_event: two workflows only the function app's identity can start.

param token string
param location string
param tags object
param callerPrincipalId string
param workspaceId string

var workflows = [
  { name: 'send-email', definition: loadJsonContent('../workflows/send-email.json') }
  { name: 'create-event', definition: loadJsonContent('../workflows/create-event.json') }
]

// Issuer and audience alone would admit anybody in the tenant; the object id narrows it to one identity.
var issuer = { name: 'iss', value: 'https://sts.windows.net/${tenant().tenantId}/' }
var caller = { name: 'oid', value: callerPrincipalId }
#disable-next-line no-hardcoded-env-urls
var audience = 'https://management.azure.com'
var trigger = '/triggers/manual/paths/invoke?api-version=2016-10-01'

// A mailbox owner consents once. An existing connection is left alone, so that a later deployment never undoes that.
@onlyIfNotExists()
resource connection 'Microsoft.Web/connections@2016-06-01' = {
  name: 'office365-${token}'
  location: location
  tags: tags
  properties: {
    displayName: 'API-in-a-Box mail and calendar'
    api: { id: subscriptionResourceId('Microsoft.Web/locations/managedApis', location, 'office365') }
  }
}

resource logicApps 'Microsoft.Logic/workflows@2019-05-01' = [
  for workflow in workflows: {
    name: 'logic-${workflow.name}-${token}'
    location: location
    tags: tags
    properties: {
      state: 'Enabled'
      definition: workflow.definition
      parameters: {
        '$connections': {
          value: {
            office365: {
              id: subscriptionResourceId('Microsoft.Web/locations/managedApis', location, 'office365')
              connectionId: connection.id
              connectionName: connection.name
            }
          }
        }
      }
      accessControl: {
        triggers: {
          // The published type does not know this one yet; the others it checks.
          #disable-next-line BCP037
          sasAuthenticationPolicy: { state: 'Disabled' }
          openAuthenticationPolicies: {
            policies: {
              functionApp: {
                type: 'AAD'
                claims: [issuer, caller, { name: 'aud', value: audience }]
              }
              functionAppWithSlash: {
                type: 'AAD'
                claims: [issuer, caller, { name: 'aud', value: '${audience}/' }]
              }
            }
          }
        }
      }
    }
  }
]

resource runHistory 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [
  for (workflow, i) in workflows: {
    name: 'log-analytics'
    scope: logicApps[i]
    properties: {
      workspaceId: workspaceId
      logs: [{ category: 'WorkflowRuntime', enabled: true }]
    }
  }
]

output connectionId string = connection.id
output sendEmailUrl string = '${logicApps[0].properties.accessEndpoint}${trigger}'
output createEventUrl string = '${logicApps[1].properties.accessEndpoint}${trigger}'
