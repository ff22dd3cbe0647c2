import { expect, test } from "vitest";
import { coloursWanted, outputPalette, visibleLength } from "./colour.ts";

const terminal = { isTerminal: true, columns: 80 };
const pipe = { isTerminal: false, columns: null };

test.each([
  { says: "a terminal has colours", stream: terminal, environment: {}, wanted: true },
  { says: "a pipe has none", stream: pipe, environment: {}, wanted: false },
  { says: "NO_COLOR takes them away", stream: terminal, environment: { NO_COLOR: "1" }, wanted: false },
  { says: "an empty NO_COLOR says nothing", stream: terminal, environment: { NO_COLOR: "" }, wanted: true },
  { says: "FORCE_COLOR colours a pipe", stream: pipe, environment: { FORCE_COLOR: "1" }, wanted: true },
  { says: "FORCE_COLOR=0 takes them away", stream: terminal, environment: { FORCE_COLOR: "0" }, wanted: false },
  { says: "FORCE_COLOR beats NO_COLOR", stream: pipe, environment: { FORCE_COLOR: "1", NO_COLOR: "1" }, wanted: true },
  { says: "a dumb terminal has none", stream: terminal, environment: { TERM: "dumb" }, wanted: false },
])("$says", ({ stream, environment, wanted }) => {
  expect(coloursWanted(stream, { environment })).toBe(wanted);
});

test("--no-color beats everything", () => {
  expect(coloursWanted(terminal, { environment: { FORCE_COLOR: "1" }, noColour: true })).toBe(false);
});

test("an escape takes no room, and an uncoloured text is the text itself", () => {
  const context = {
    environment: { FORCE_COLOR: "1" },
    cwd: "/",
    write: () => {},
    writeBytes: async () => {},
    complain: () => {},
  };
  const red = outputPalette(context).bad("fail");
  expect(red).not.toBe("fail");
  expect(visibleLength(red)).toBe(4);
  expect(outputPalette({ ...context, environment: {} }).bad("fail")).toBe("fail");
});
