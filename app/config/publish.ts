import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { publishedFiles } from "./published.ts";

/** `node app/config/publish.ts` writes the JSON Schemas and docs/configuration.md after a change of the options. */
const root = join(import.meta.dirname, "..", "..");
for (const [path, content] of Object.entries(publishedFiles())) writeFileSync(join(root, path), content);
