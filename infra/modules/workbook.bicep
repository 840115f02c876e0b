// What the box does, drawn from its log: a workbook, and a function that tells what happened to one run.

param location string
param tags object
param workspaceName string

var charts = [
  { title: 'Runs', shape: 'barchart', query: loadTextContent('../queries/runs.kql') }
  { title: 'Seconds a run takes', shape: 'timechart', query: loadTextContent('../queries/durations.kql') }
  { title: 'Tokens', shape: 'timechart', query: loadTextContent('../queries/tokens.kql') }
  { title: 'Seconds in the queue', shape: 'timechart', query: loadTextContent('../queries/queue_waits.kql') }
  { title: 'What went wrong', shape: 'table', query: loadTextContent('../queries/failures.kql') }
  { title: 'Owners', shape: 'table', query: loadTextContent('../queries/owners.kql') }
  { title: 'Files', shape: 'barchart', query: loadTextContent('../queries/files.kql') }
]

var period = {
  type: 9
  name: 'period'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid(workspaceName, 'period')
        version: 'KqlParameterItem/1.0'
        name: 'period'
        label: 'Time'
        type: 4
        isRequired: true
        value: { durationMs: 86400000 }
        typeSettings: {
          allowCustom: true
          selectableValues: [{ durationMs: 3600000 }, { durationMs: 86400000 }, { durationMs: 604800000 }]
        }
      }
    ]
  }
}

var drawn = map(charts, chart => {
  type: 3
  name: chart.title
  content: {
    version: 'KqlItem/1.0'
    title: chart.title
    query: chart.query
    visualization: chart.shape
    size: 0
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    timeContextFromParameter: 'period'
  }
})

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = { name: workspaceName }

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspace.id, 'api-in-a-box')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'API-in-a-Box'
    category: 'workbook'
    sourceId: workspace.id
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([period], drawn)
      fallbackResourceIds: [workspace.id]
    })
  }
}

// In the workspace's Logs: run_story('run_…').
resource runStory 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = {
  parent: workspace
  name: 'run-story'
  properties: {
    // Without it Azure answers the second deployment with 409. The published type has it elsewhere, where Azure refuses it.
    #disable-next-line BCP037
    etag: '*'
    category: 'API-in-a-Box'
    displayName: 'What happened to a run'
    functionAlias: 'run_story'
    functionParameters: 'run_id:string'
    query: loadTextContent('../queries/run_story.kql')
    version: 2
  }
}
