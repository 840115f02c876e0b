// What the page needs to show Markdown: reading it, highlighting code, and making the outcome safe.
export { tasklist } from "@mdit/plugin-tasklist";
export { tex } from "@mdit/plugin-tex";
export { default as DOMPurify } from "dompurify";
export { default as hljs } from "highlight.js/lib/common";
export { default as MarkdownIt } from "markdown-it";
