// Optional: the function app inside a virtual network, storage and models behind private endpoints.

param name string
param location string
param tags object
param storageId string
param openaiId string

var endpoints = [
  { name: 'blob', group: 'blob', target: storageId, zone: 'privatelink.blob.${environment().suffixes.storage}' }
  { name: 'queue', group: 'queue', target: storageId, zone: 'privatelink.queue.${environment().suffixes.storage}' }
  { name: 'table', group: 'table', target: storageId, zone: 'privatelink.table.${environment().suffixes.storage}' }
  { name: 'openai', group: 'account', target: openaiId, zone: 'privatelink.openai.azure.com' }
]

// Not by version 2025-07-01 or later: from then on subnets of new networks have no way out to the internet of their own,
// and tools, webhooks and the models of others are there.
resource vnet 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/16'] }
    subnets: [
      {
        name: 'endpoints'
        properties: { addressPrefix: '10.0.1.0/24' }
      }
      {
        name: 'app'
        properties: {
          addressPrefix: '10.0.2.0/24'
          delegations: [
            {
              name: 'flex-consumption'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
        }
      }
    ]
  }

  resource endpointsSubnet 'subnets' existing = { name: 'endpoints' }
  resource appSubnet 'subnets' existing = { name: 'app' }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for endpoint in endpoints: {
    name: endpoint.zone
    location: 'global'
    tags: tags
  }
]

resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (endpoint, i) in endpoints: {
    parent: zones[i]
    name: name
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: vnet.id }
    }
  }
]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [
  for endpoint in endpoints: {
    name: 'pe-${endpoint.name}-${name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: vnet::endpointsSubnet.id }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: {
            privateLinkServiceId: endpoint.target
            groupIds: [endpoint.group]
          }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [
  for (endpoint, i) in endpoints: {
    parent: privateEndpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: endpoint.name
          properties: { privateDnsZoneId: zones[i].id }
        }
      ]
    }
  }
]

output appSubnetId string = vnet::appSubnet.id
