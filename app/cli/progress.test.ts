import { expect, test } from "vitest";
import type { CommandContext } from "./command.ts";
import { createProgress } from "./progress.ts";

function recorded(columns: number | null) {
  const drawn: string[] = [];
  const lines: string[] = [];
  const context: CommandContext = {
    environment: { NO_COLOR: "1" },
    cwd: "/",
    write: () => {
      throw new Error("progress never goes to standard output");
    },
    writeBytes: async () => {},
    complain: (line) => lines.push(line),
    errors: { isTerminal: columns !== null, columns, write: (text) => drawn.push(text) },
  };
  return { context, drawn, lines };
}

test("on a terminal one line is drawn at most ten times a second, and wiped in the end", () => {
  const { context, drawn, lines } = recorded(120);
  let time = 0;
  {
    using progress = createProgress(context, { label: "reading flights.csv", unit: "rows", now: () => time });
    for (time = 0; time < 2000; time += 10) progress.update(time * 10, 100_000);
  }
  expect(drawn.length).toBe(21);
  expect(drawn[15]).toBe("\r\u001b[2Kreading flights.csv: 15,000 of 100,000 rows (15 %), 10,000 a second");
  expect(drawn.at(-1)).toBe("\r\u001b[2K");
  expect(lines).toEqual([]);
});

test("a line never wraps on a narrow terminal", () => {
  const { context, drawn } = recorded(20);
  using progress = createProgress(context, { label: "reading a file with a long name", unit: "rows", now: () => 0 });
  progress.update(1);
  expect(drawn[0]?.slice("\r\u001b[2K".length)).toBe("reading a file wit…");
});

test("in a log quick work says nothing, long work a line every ten seconds", () => {
  const { context, drawn, lines } = recorded(null);
  let time = 0;
  using progress = createProgress(context, { label: "reading", unit: "rows", now: () => time });
  for (time = 0; time < 25_000; time += 1000) progress.update(time);
  expect(lines).toEqual(["reading: 10,000 rows, 1,000 a second", "reading: 20,000 rows, 1,000 a second"]);
  expect(drawn).toEqual([]);
});
