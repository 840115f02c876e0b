// What an operator is told of by mail. Each rule is a query in queries/, and a heading of docs/operate.md.

param token string
param location string
param tags object
param workspaceId string
param email string

var rules = [
  {
    name: 'poison'
    severity: 1
    says: 'Messages failed for good, or lie in a poison queue that nobody can read.'
    query: loadTextContent('../queries/poison.kql')
  }
  {
    name: 'overdue-runs'
    severity: 2
    says: 'Runs went past their time and nobody ended them.'
    query: loadTextContent('../queries/overdue_runs.kql')
  }
  {
    name: 'throttled'
    severity: 2
    says: 'The model refuses more than a fifth of the requests for want of quota.'
    query: loadTextContent('../queries/throttled.kql')
  }
  {
    name: 'queue-age'
    severity: 1
    says: 'Runs wait in the queue for more than two minutes.'
    query: loadTextContent('../queries/queue_age.kql')
  }
  {
    name: 'failed-indexing'
    severity: 2
    says: 'Files could not be indexed through no fault of their own.'
    query: loadTextContent('../queries/failed_indexing.kql')
  }
  {
    name: 'budget'
    severity: 3
    says: 'Owners have used up what they may use in a day or a month.'
    query: loadTextContent('../queries/budget.kql')
  }
  {
    name: 'health'
    severity: 1
    says: 'The model or the storage does not answer, or the box has no keys.'
    query: loadTextContent('../queries/health.kql')
  }
]

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'api-in-a-box'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${rule.name}-${token}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'API-in-a-Box: ${rule.name}'
      description: '${rule.says} What to do: docs/operate.md, "${rule.name}".'
      severity: rule.severity
      enabled: true
      autoMitigate: true
      // A new workspace does not know its tables before the first line is there, and would refuse the queries.
      skipQueryValidation: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT15M'
      // Twice as long: lines that arrive late are not missed.
      windowSize: 'PT30M'
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: { actionGroups: [mail.id] }
    }
  }
]
