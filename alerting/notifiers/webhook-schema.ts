import { writeFile } from "node:fs/promises";
import { webhookJsonSchema } from "./webhook-body.ts";

/** Writes `webhook.schema.json` anew: `node alerting/notifiers/webhook-schema.ts`. A test compares it. */
await writeFile(new URL("webhook.schema.json", import.meta.url), `${JSON.stringify(webhookJsonSchema(), null, 2)}\n`);
