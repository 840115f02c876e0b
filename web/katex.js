// Mathematics: loaded when an answer has some.
export { renderToString } from "katex";
