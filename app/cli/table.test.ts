import { expect, test } from "vitest";
import { formatTable } from "./table.ts";

test("numbers stand to the right, text to the left, nothing is –", () => {
  expect(
    formatTable(
      [{ name: "feature" }, { name: "rows" }],
      [
        ["distance", 12],
        [null, 1000],
      ],
    ),
  ).toBe("feature   rows\n────────  ────\ndistance    12\n–         1000\n");
});

test("a pipe gets everything; a terminal a row that fits, cut where there is most", () => {
  const columns = [{ name: "id" }, { name: "title" }, { name: "rows", align: "right" }] as const;
  const rows = [["4c1f0d52a9e3b7f8", "the distribution of distance changed for haul=short", 12_345]];
  expect(formatTable(columns, rows)).toContain("haul=short");
  const narrow = formatTable(columns, rows, { width: 50 }).split("\n");
  expect(narrow.every((line) => line.length <= 50)).toBe(true);
  expect(narrow[2]).toMatch(/^4c1f0d52a9e3b7f8 {2}the distribution of dis.*… {2}12345$/);
});

test("colours do not move columns, and control characters of others never reach the terminal", () => {
  const paint = (text: string) => `\u001b[31m${text}\u001b[39m`;
  expect(formatTable([{ name: "a", paint }, { name: "b" }], [["x\u001b[2J", "y"]])).toBe(
    "a         b\n────────  ─\n\u001b[31mx\\x1b[2J\u001b[39m  y\n",
  );
});
