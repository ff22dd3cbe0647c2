import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandsPage } from "../cli/commands-page.ts";
import { commands } from "../cli/commands.ts";
import { referencePage } from "./reference.ts";

/** `node app/telemetry/publish.ts` writes docs/reference.md and docs/cli.md after a change of metrics, codes or commands. */
const docs = join(import.meta.dirname, "..", "..", "docs");
writeFileSync(join(docs, "reference.md"), await referencePage());
writeFileSync(join(docs, "cli.md"), commandsPage(commands));
process.exit(0);
