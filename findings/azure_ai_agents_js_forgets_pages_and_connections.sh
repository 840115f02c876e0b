#!/usr/bin/env bash
# @azure/ai-agents 1.1.0: two things that its programs lose without an error. A list that is iterated ends with its first
# page, whatever `has_more` says: the SDK waits for a `nextLink`, which the service does not send. And of the tools that
# `createConnectionTool` makes (Fabric, SharePoint, Bing custom search) nothing but the type is sent: the connections are
# dropped when the request is written.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit @azure/ai-agents@1.1.0
cat > forgets.mjs <<'PROGRAM'
import { AgentsClient, ToolUtility } from "@azure/ai-agents";
import { createServer } from "node:http";

const asked = [];
const agent = (id) => ({ id, object: "assistant", created_at: 1, name: null, description: null, model: "m", instructions: null, tools: [], tool_resources: {}, temperature: 1, top_p: 1, response_format: "auto", metadata: {} });
const server = createServer((request, answer) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    asked.push({ url: request.url, body });
    const page = { object: "list", data: [agent("asst_1")], first_id: "asst_1", last_id: "asst_1", has_more: true };
    answer.writeHead(200, { "content-type": "application/json" });
    answer.end(JSON.stringify(request.method === "GET" ? page : agent("asst_2")));
  });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const credential = { getToken: async () => ({ token: "none", expiresOnTimestamp: Date.now() + 3_600_000 }) };
const client = new AgentsClient(`http://127.0.0.1:${server.address().port}`, credential, { allowInsecureConnection: true });
// In the clear, on loopback: the policy that refuses it is not what is looked at.
client.pipeline.removePolicy({ name: "bearerTokenAuthenticationPolicy" });

let seen = 0;
for await (const _ of client.listAgents({ limit: 1 })) if (++seen > 3) break;
console.log(`agents seen of a list that goes on: ${seen}, requests: ${asked.length}`);
const { definition } = ToolUtility.createConnectionTool("fabric_dataagent", ["connection-1"]);
await client.createAgent("m", { tools: [definition] });
const sent = JSON.stringify(JSON.parse(asked.at(-1).body).tools);
console.log("made:", JSON.stringify(definition));
console.log("sent:", sent);
server.close();
if (seen !== 1) throw new Error("it goes on to the next page now");
if (sent !== '[{"type":"fabric_dataagent"}]') throw new Error("it sends the connections now");
PROGRAM
node forgets.mjs
