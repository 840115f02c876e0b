// The app's settings: what this deployment wants, and what was set by hand since the last one.
//
// A merge of three: `live` is what the app has, DEPLOYED_SETTINGS in it a fingerprint of what was deployed last, `wanted`
// what is to be deployed. A setting that was changed or added by hand stays while the deployment has nothing new to say
// about it. What both changed is the deployment's, and what it does not want any more goes.

param siteName string

@secure()
param wanted object

@secure()
param live object

var last = json(live.?DEPLOYED_SETTINGS ?? '{}')

// `&&` does not stop early: what may be missing is read by `[?]`.
var kept = filter(
  items(live),
  s => s.key != 'DEPLOYED_SETTINGS' && (contains(wanted, s.key)
    ? last[?s.key] == uniqueString(string(wanted[s.key])) && s.value != wanted[s.key]
    : !contains(last, s.key))
)

var changed = filter(items(live), s => last[?s.key] != uniqueString(string(s.value)))

var overruled = filter(
  changed,
  s => contains(wanted, s.key)
    ? last[?s.key] != uniqueString(string(wanted[s.key])) && s.value != wanted[s.key]
    : false
)

resource site 'Microsoft.Web/sites@2025-03-01' existing = { name: siteName }

resource appSettings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'appsettings'
  properties: union(wanted, toObject(kept, s => s.key, s => s.value), {
    DEPLOYED_SETTINGS: string(toObject(items(wanted), s => s.key, s => uniqueString(string(s.value))))
  })
}

// Names alone.
output kept string = join(map(kept, s => s.key), ' ')
output overruled string = join(map(overruled, s => s.key), ' ')
