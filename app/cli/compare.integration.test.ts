import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRandom } from "../../detectors/simulate/random.ts";
import { runCommandLine } from "./command-line.ts";
import { createLeewayFolder } from "../testing/leeway-process.ts";

function numbers(rows: number, shift: number, seed: number): string {
  const random = createRandom(seed);
  return `x,y\n${Array.from({ length: rows }, () => `${shift + random.normal()},${random.normal()}\n`).join("")}`;
}

const files = {
  "before.csv": numbers(2000, 0, 1),
  "same.csv": numbers(1500, 0, 2),
  "moved.csv": numbers(1500, 0.5, 3),
  "few.csv": "x,y\n1,2\n",
};

test("the example runs in an empty folder, leaves nothing there, and writes one page without anything from elsewhere", async () => {
  using folder = createLeewayFolder({});
  const end = await folder.run(["compare", "--example", "--html", "page.html"]);
  expect(end.code).toBe(0);
  expect(end.stdout).toMatch(/^reference: example\/applications-january\.csv \(4,000 rows\)/);
  expect(end.stdout).toMatch(/\nVerdict: drift\. 10 columns: 3 drift, 1 too variable, 6 ok\. /);
  // On a pipe there is neither colour nor progress.
  expect(end.stdout).not.toContain("\u001b");
  expect(readdirSync(folder.path)).toEqual(["page.html"]);
  const page = readFileSync(join(folder.path, "page.html"), "utf8");
  expect(page).not.toMatch(/<script|https?:|url\(|@import|<link|<img/);
});

test("the exit code is a release gate: 1 for the verdicts named, 0 for others", async () => {
  using folder = createLeewayFolder(files);
  const gate = (current: string, ...options: string[]) => folder.run(["compare", "before.csv", current, ...options]);
  expect(await gate("moved.csv")).toMatchObject({ code: 0 });
  expect(await gate("moved.csv", "--fail-on", "drift")).toMatchObject({ code: 1 });
  expect(await gate("same.csv", "--fail-on", "drift,insufficient_data")).toMatchObject({ code: 0 });
  expect(await gate("few.csv", "--fail-on", "drift,insufficient_data")).toMatchObject({ code: 1 });
  expect(await gate("few.csv", "--fail-on", "drift")).toMatchObject({ code: 0 });
});

test("--json is the documented object and nothing else", async () => {
  using folder = createLeewayFolder(files);
  const end = await folder.run([
    "compare",
    "before.csv",
    "moved.csv",
    "--json",
    "--columns",
    "x",
    "--methods",
    "psi,ks",
  ]);
  const side = { rows: expect.any(Number), missing: 0, distinct: expect.any(Number) };
  const score = { score: expect.any(Number), threshold: expect.any(Number), pValue: expect.any(Number) };
  expect(JSON.parse(end.stdout)).toEqual({
    reference: { source: "before.csv", rows: 2000 },
    current: { source: "moved.csv", rows: 1500 },
    columns: [
      {
        name: "x",
        type: "numeric",
        reference: side,
        current: side,
        methods: { psi: score, ks: score },
        effect: {
          value: expect.any(Number),
          low: expect.any(Number),
          high: expect.any(Number),
          unit: "share_of_rows_moved",
        },
        decision: "drift",
        explanation: expect.stringMatching(/^Values moved up: mean /),
      },
    ],
    verdict: "drift",
  });
});

test("what is wrong with a command line or a file is one line: what, where, what to do", async () => {
  const wide = Array.from({ length: 100_000 }, (_, column) => `c${column}`).join(",");
  using folder = createLeewayFolder({
    ...files,
    "empty.csv": "",
    "twice.csv": "x,x\n1,2\n",
    "wide.csv": `${wide}\n${wide.replaceAll("c", "")}\n`,
    "ragged.csv": `x,y\n1,2\n${"1,2,3\n".repeat(10)}`,
    "no.parquet": "x,y\n1,2\n",
    "no.csv.gz": "x,y\n1,2\n",
    "notes.txt": "x\n",
    "broken.ndjson": '{"x":1}\n{"x":\n',
  });
  mkdirSync(join(folder.path, "folder.csv"));
  writeFileSync(join(folder.path, "binary.csv"), Buffer.from([1, 0, 2, 0]));
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["before.csv"], /two files are needed, the reference and the current one; or try --example/],
    [["before.csv", "nowhere.csv"], /nowhere\.csv: there is no such file; check the path/],
    [["before.csv", "empty.csv"], /empty\.csv: it is empty \(0 bytes\)/],
    [["before.csv", "folder.csv"], /folder\.csv: it is a directory; name one file/],
    [["before.csv", "binary.csv"], /binary\.csv: it is not a text file/],
    [["before.csv", "twice.csv"], /twice\.csv: two of its columns are called "x"; rename one/],
    [["before.csv", "ragged.csv"], /ragged\.csv: it cannot be read as CSV: .+; write it again/],
    [["before.csv", "no.parquet"], /no\.parquet: it is not a Parquet file/],
    [["before.csv", "no.csv.gz"], /no\.csv\.gz: it cannot be unpacked as \.gz/],
    [["before.csv", "notes.txt"], /notes\.txt: its name does not say what it is; use \.parquet, \.csv/],
    [["before.csv", "broken.ndjson"], /broken\.ndjson: it cannot be read as NDJSON/],
    [["wide.csv", "wide.csv"], /wide\.csv has 100,000 columns, at most 10,000 .+ --columns/],
    [["before.csv", "same.csv", "--columns", "z"], /--columns: neither file has a column "z"; did you mean/],
    [["before.csv", "same.csv", "--types", "x=number"], /--types does not know "number"/],
    [["before.csv", "same.csv", "--methods", "psy"], /--methods does not know "psy"; did you mean psi\?/],
    [["before.csv", "same.csv", "--fail-on", "ok"], /--fail-on does not know "ok"/],
    [["--example", "before.csv"], /--example brings its own two files/],
  ];
  for (const [args, message] of cases) {
    const lines: string[] = [];
    const code = await runCommandLine(["compare", ...args], {
      environment: {},
      cwd: folder.path,
      write: (text) => void lines.push(text),
      writeBytes: async () => {},
      complain: (line) => void lines.push(line),
    });
    expect(lines).toEqual([expect.stringMatching(/^leeway: compare: [^\n]+$/)]);
    expect(lines[0]).toMatch(message);
    expect(code).toBe(2);
  }
});
