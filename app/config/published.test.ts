import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { publishedFiles } from "./published.ts";

const root = join(import.meta.dirname, "..", "..");

test.each(Object.entries(publishedFiles()))(
  "%s says what the code says (else: node app/config/publish.ts)",
  (path, content) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(content);
  },
);
