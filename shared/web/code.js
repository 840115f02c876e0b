// The shown assistant and conversation as programs that ask the same of this box.

import { inspect } from "./inspector.js";
import { copyButton, el, pre } from "./text.js";

const KEY = "YOUR_API_KEY";
/** A string as it is written in Python, JavaScript and C#: JSON's escapes, and those of characters that end a C# line. */
const quoted = (text) => JSON.stringify(text).replace(/[\u0085\u2028\u2029]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * Each takes `{base, assistantId, threadId, question, hasFunctions, mayAsk}`; without a thread, the program makes one.
 * `mayAsk`: calls of its other tools may have to be approved.
 */
export const programs = { Python: python, "Node.js": node, "C#": csharp, curl };

/** `about()` returns what the programs are made of. */
export function showCode(about) {
  inspect("View code", () => {
    const what = about();
    const view = el("div", { class: "content" });
    const choices = Object.entries(programs).map(([name, program]) => {
      const choose = () => {
        choices.forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
        const text = program(what);
        view.replaceChildren(copyButton("Copy code", () => text), pre(text));
      };
      const button = el("button", { type: "button", onclick: choose }, name);
      return button;
    });
    choices[0].click();
    const functions = what.hasFunctions ? " Your functions are called where the program says so." : "";
    const approvals = what.mayAsk ? " It asks you before a call that must be approved." : "";
    const told = `Put your key in the place of ${KEY}.${functions}${approvals}`;
    return [el("div", { class: "row", role: "group", "aria-label": "Language" }, choices), el("p", { class: "small" }, told), view];
  });
}

function python({ base, assistantId, threadId, question, hasFunctions, mayAsk }) {
  const calls = `
    calls = run.required_action.submit_tool_outputs.tool_calls
    # Call your functions here: call.function.name with call.function.arguments, which is JSON.
    outputs = [{"tool_call_id": call.id, "output": "{}"} for call in calls]
    run = threads.runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread_id, tool_outputs=outputs)`;
  const approvals = `
    if run.required_action.type == "submit_tool_approval":
        calls = run.required_action.submit_tool_approval["tool_calls"]
        said = [{"tool_call_id": call["id"], "approve": input(f"Approve {call}? (y/n) ") == "y"} for call in calls]
        run = threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread_id, tool_outputs=[], extra_body={"tool_approvals": said}
        )
        continue`;
  const outputs = waiting(`
while run.status == "requires_action":`, mayAsk && approvals, hasFunctions && calls);
  return `# pip install openai
from openai import OpenAI

client = OpenAI(base_url=${quoted(base)}, api_key="${KEY}")
threads = client.beta.threads

thread_id = ${threadId === null ? "threads.create().id" : quoted(threadId)}
threads.messages.create(thread_id, role="user", content=${quoted(question)})
run = threads.runs.create_and_poll(thread_id=thread_id, assistant_id=${quoted(assistantId)})${outputs}
print(run.status)
for message in threads.messages.list(thread_id, run_id=run.id, order="asc"):
    for part in message.content:
        print(part.text.value if part.type == "text" else part)
`;
}

function node({ base, assistantId, threadId, question, hasFunctions, mayAsk }) {
  const calls = `
  const calls = run.required_action.submit_tool_outputs.tool_calls;
  // Call your functions here: call.function.name with call.function.arguments, which is JSON.
  const tool_outputs = calls.map((call) => ({ tool_call_id: call.id, output: "{}" }));
  run = await threads.runs.submitToolOutputsAndPoll(run.id, { thread_id: threadId, tool_outputs });`;
  const approvals = `
  if (run.required_action.type === "submit_tool_approval") {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const tool_approvals = [];
    for (const call of run.required_action.submit_tool_approval.tool_calls) {
      const said = await terminal.question(\`Approve \${JSON.stringify(call)}? (y/n) \`);
      tool_approvals.push({ tool_call_id: call.id, approve: said === "y" });
    }
    terminal.close();
    run = await threads.runs.submitToolOutputsAndPoll(run.id, { thread_id: threadId, tool_outputs: [], tool_approvals });
    continue;
  }`;
  const outputs = waiting(`
while (run.status === "requires_action") {`, mayAsk && approvals, hasFunctions && calls, `
}`);
  return `// npm install openai; save as ask.mjs
import OpenAI from "openai";${mayAsk ? `
import { createInterface } from "node:readline/promises";` : ""}

const client = new OpenAI({ baseURL: ${quoted(base)}, apiKey: "${KEY}" });
const { threads } = client.beta;

const threadId = ${threadId === null ? "(await threads.create()).id" : quoted(threadId)};
await threads.messages.create(threadId, { role: "user", content: ${quoted(question)} });
let run = await threads.runs.createAndPoll(threadId, { assistant_id: ${quoted(assistantId)} });${outputs}
console.log(run.status);
for await (const message of threads.messages.list(threadId, { run_id: run.id, order: "asc" })) {
  for (const part of message.content) console.log(part.type === "text" ? part.text.value : part);
}
`;
}

function csharp({ base, assistantId, threadId, question, hasFunctions, mayAsk }) {
  const calls = `
        // Call your functions here: action.FunctionName with action.FunctionArguments, which is JSON.
        List<ToolOutput> outputs = [.. run.RequiredActions.Select(action => new ToolOutput(action.ToolCallId, "{}"))];
        run = client.SubmitToolOutputsToRun(threadId, run.Id, outputs);`;
  const approvals = `
        using JsonDocument shown = JsonDocument.Parse(client.GetRun(threadId, run.Id, null).GetRawResponse().Content);
        JsonElement required = shown.RootElement.GetProperty("required_action");
        if (required.TryGetProperty("submit_tool_approval", out JsonElement asked))
        {
            List<object> approvals = [];
            foreach (JsonElement call in asked.GetProperty("tool_calls").EnumerateArray())
            {
                Console.Write("Approve " + call.GetRawText() + "? (y/n) ");
                approvals.Add(new { tool_call_id = call.GetProperty("id").GetString(), approve = Console.ReadLine() == "y" });
            }
            BinaryData said = BinaryData.FromObjectAsJson(new { tool_approvals = approvals });
            client.SubmitToolOutputsToRun(threadId, run.Id, BinaryContent.Create(said));
            continue;
        }`;
  const outputs = waiting(`
    if (run.Status == RunStatus.RequiresAction)
    {`, mayAsk && approvals, hasFunctions && calls, `
    }`);
  return `// dotnet add package OpenAI
using System.ClientModel;${mayAsk ? `
using System.Text.Json;` : ""}
using OpenAI;
using OpenAI.Assistants;

#pragma warning disable OPENAI001
OpenAIClientOptions options = new() { Endpoint = new Uri(${quoted(base)}) };
AssistantClient client = new(new ApiKeyCredential("${KEY}"), options);

string threadId = ${threadId === null ? "client.CreateThread().Value.Id" : quoted(threadId)};
client.CreateMessage(threadId, MessageRole.User, [${quoted(question)}]);
ThreadRun run = client.CreateRun(threadId, ${quoted(assistantId)});
while (!run.Status.IsTerminal)
{
    Thread.Sleep(500);
    run = client.GetRun(threadId, run.Id);${outputs}
}
Console.WriteLine(run.Status);
MessageCollectionOptions oldestFirst = new() { Order = MessageCollectionOrder.Ascending };
foreach (ThreadMessage message in client.GetMessages(threadId, oldestFirst).Where(each => each.RunId == run.Id))
{
    foreach (MessageContent part in message.Content) Console.WriteLine(part.Text);
}
`;
}

/** One request: the answer comes as the events of a stream. */
function curl({ base, assistantId, threadId, question, mayAsk }) {
  const messages = [{ role: "user", content: question }];
  const body = { assistant_id: assistantId, stream: true, ...(threadId === null ? { thread: { messages } } : { additional_messages: messages }) };
  const approvals = `
# Where the last event is thread.run.requires_action with submit_tool_approval, say it of each of its tool_calls:
# curl -sS -N ${shellQuoted(`${base}/threads/THREAD_ID/runs/RUN_ID/submit_tool_outputs`)} \\
#   -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
#   -d '{"stream": true, "tool_approvals": [{"tool_call_id": "CALL_ID", "approve": true}]}'
`;
  return `KEY=${KEY}
curl -sS -N ${shellQuoted(`${base}/threads${threadId === null ? "" : `/${threadId}`}/runs`)} \\
  -H "Authorization: Bearer $KEY" \\
  -H "Content-Type: application/json" \\
  -d ${shellQuoted(JSON.stringify(body))}
${mayAsk ? approvals : ""}`;
}

/** What a program does while a run requires an action: `head`, the parts that there are, `tail`; nothing without parts. */
function waiting(head, approvals, calls, tail = "") {
  return approvals || calls ? `${head}${approvals || ""}${calls || ""}${tail}` : "";
}
