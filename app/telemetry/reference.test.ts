import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { referencePage } from "./reference.ts";

test("docs/reference.md lists the metrics and codes that there are", async () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/reference.md"), "utf8");
  expect(page).toBe(await referencePage());
  expect(page).toContain("leeway_messages_received_total");
});
