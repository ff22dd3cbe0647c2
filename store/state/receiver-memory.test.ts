import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readReceiverMemory, writeReceiverMemory } from "./receiver-memory.ts";
import { openState } from "./state.ts";

test("what a receiver remembers is there after the file is opened again, for each receiver and incident its own", () => {
  const path = join(mkdtempSync(join(tmpdir(), "leeway-memory-")), "state.sqlite");
  {
    using state = openState(path);
    writeReceiverMemory(state, "ops", "a", "1");
    writeReceiverMemory(state, "ops", "a", "2");
    writeReceiverMemory(state, "mail", "a", "3");
  }
  using state = openState(path);
  const remembered = [
    ["ops", "a"],
    ["mail", "a"],
    ["ops", "b"],
  ].map(([receiver = "", incident = ""]) => readReceiverMemory(state, receiver, incident));
  expect(remembered).toEqual(["2", "3", null]);
});
