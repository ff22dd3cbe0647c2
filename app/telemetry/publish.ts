import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { referencePage } from "./reference.ts";

/** `node app/telemetry/publish.ts` writes docs/reference.md after a change of metrics or codes. */
writeFileSync(join(import.meta.dirname, "..", "..", "docs", "reference.md"), await referencePage());
process.exit(0);
