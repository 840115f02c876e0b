// Writing a message: keys, growing, and the ways by which files come.

const $ = (id) => document.getElementById(id);

/** Whether Enter is for lines: keyboards on a screen have no Shift to hold, and a button to send is beside them. */
const onTouch = matchMedia("(hover: none) and (pointer: coarse)");

/** `send()` sends the message, `attach(files)` takes files. */
export function compose(send, attach) {
  const field = $("text");
  const hint = () => field.setAttribute("enterkeyhint", onTouch.matches ? "enter" : "send");
  onTouch.addEventListener("change", hint);
  hint();
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("send").disabled) send();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || onTouch.matches) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });
  field.addEventListener("input", () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  });
  field.addEventListener("paste", (event) => taken(event, event.clipboardData, attach));
  $("attach").addEventListener("click", () => $("picker").click());
  $("picker").addEventListener("change", () => {
    attach([...$("picker").files]);
    $("picker").value = "";
  });
  dropOn($("talk"), attach);
}

/** Takes files that are dropped on an element; it has the class `dropping` while they hang over it. */
export function dropOn(element, take) {
  const carries = (event) => event.dataTransfer.types.includes("Files");
  element.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    element.classList.add("dropping");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove("dropping");
  });
  element.addEventListener("drop", (event) => {
    element.classList.remove("dropping");
    taken(event, event.dataTransfer, take);
  });
}

function taken(event, transfer, take) {
  if (transfer.files.length === 0) return;
  event.preventDefault();
  take([...transfer.files]);
}
