// Sets all formulas of the book in one call: a list of {tex, display} on stdin, a
// list of {html} or {error} on stdout. KaTeX comes from the node_modules of the
// folder this is started in.
"use strict";
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");

const katex = createRequire(`${process.cwd()}/`)("katex");

function set({ tex, display }) {
  try {
    // Strict: what KaTeX only tolerates, another reader of the same source
    // (JupyterLab's MathJax) may show differently.
    const options = { displayMode: display, strict: "error", throwOnError: true };
    return { html: katex.renderToString(tex, options) };
  } catch (error) {
    return { error: error.message };
  }
}

const formulas = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(formulas.map(set)));
