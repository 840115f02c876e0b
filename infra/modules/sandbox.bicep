// The code interpreter's sandbox: Hyper-V isolated Python sessions without network and without identity.

param name string
param location string
param tags object

resource pool 'Microsoft.App/sessionPools@2026-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    containerType: 'PythonLTS'
    poolManagementType: 'Dynamic'
    scaleConfiguration: { maxConcurrentSessions: 100 }
    dynamicPoolConfiguration: {
      lifecycleConfiguration: {
        lifecycleType: 'Timed'
        cooldownPeriodInSeconds: 1800 // idle time after which variables and files are gone, as the hosted code interpreter had it
      }
    }
    sessionNetworkConfiguration: { status: 'EgressDisabled' }
  }
}

output name string = pool.name
output endpoint string = pool.properties.poolManagementEndpoint
