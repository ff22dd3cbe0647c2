import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommandLine } from "./command-line.ts";
import { commands } from "./commands.ts";

interface End {
  readonly code: number;
  readonly stdout: string;
  readonly complaints: readonly string[];
}

/** Runs command lines in this process, in a folder of their own. */
function createFolder(
  files: Readonly<Record<string, string>>,
): Disposable & { readonly path: string; run: (args: readonly string[]) => Promise<End> } {
  const cwd = mkdtempSync(join(tmpdir(), "leeway-cli-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(cwd, name), content);
  return {
    path: cwd,
    run: async (args) => {
      let stdout = "";
      const complaints: string[] = [];
      const code = await runCommandLine(args, {
        environment: {},
        cwd,
        write: (text) => {
          stdout += text;
        },
        writeBytes: async (bytes) => {
          stdout += Buffer.from(bytes).toString();
        },
        complain: (line) => complaints.push(line),
      });
      return { code, stdout, complaints };
    },
    [Symbol.dispose]: () => rmSync(cwd, { recursive: true }),
  };
}

test("leeway, leeway help and leeway --help show the same page, with every command", async () => {
  using folder = createFolder({});
  const pages = await Promise.all([[], ["help"], ["--help"]].map((args) => folder.run(args)));
  expect(new Set(pages.map((end) => end.stdout)).size).toBe(1);
  expect(pages.every((end) => end.code === 0 && end.complaints.length === 0)).toBe(true);
  for (const command of commands) expect(pages[0]?.stdout).toContain(`\n  ${command.name} `);
});

test("leeway X --help is leeway help X, and names every option", async () => {
  using folder = createFolder({});
  const [own, help] = await Promise.all([folder.run(["serve", "--help"]), folder.run(["help", "serve"])]);
  expect(own.stdout).toBe(help.stdout);
  const serve = commands.find((command) => command.name === "serve");
  for (const option of Object.keys(serve?.options ?? {})) expect(own.stdout).toContain(`--${option}`);
});

test("--version says what runs", async () => {
  using folder = createFolder({});
  const { stdout, code } = await folder.run(["--version"]);
  expect(stdout).toMatch(/^leeway \d+\.\d+\.\d+ \(node v\d+\.\d+\.\d+\)\n$/);
  expect(code).toBe(0);
});

test.each([
  { args: ["sq"], says: 'leeway: "sq" is not a command; did you mean sql?' },
  { args: ["sql", "--dta", "x"], says: "leeway: sql: --dta is not a known option; did you mean --data?" },
  { args: ["sql"], says: 'leeway: sql: no statement; write leeway sql "SELECT …"' },
  { args: ["sql", "SELECT", "1"], says: 'leeway: sql: "1" is one operand too many; see leeway help sql' },
  {
    args: ["serve", "--roles", "collecter"],
    says: 'leeway: --roles: "collecter" is not a role; did you mean collector?',
  },
  {
    args: ["serve", "--shard", "4/3"],
    says: 'leeway: --shard: "4/3" is not a shard; write 1/3 for the first of three',
  },
  { args: ["serve", "--port", "http"], says: 'leeway: --port: "http" is not a port; write a number from 0 to 65535' },
  { args: ["check-config", "--config", "no.yaml"], says: "leeway: no.yaml: there is no such file; correct --config" },
])("$says", async ({ args, says }) => {
  using folder = createFolder({});
  const end = await folder.run(args);
  expect(end.complaints).toEqual([says]);
  expect(end.stdout).toBe("");
  expect(end.code).toBe(2);
});

test("bad configuration: exit 2 and every fault on a line of its own", async () => {
  using folder = createFolder({ "leeway.yaml": "clok: wall\nidle_after: soon\n" });
  for (const args of [["check-config"], ["serve"], ["sql", "SELECT 1"]]) {
    const end = await folder.run(args);
    expect(end.code).toBe(2);
    expect(end.complaints).toEqual([
      "leeway: leeway.yaml:1: clok: is not a known option; did you mean clock?",
      expect.stringMatching(/^leeway: leeway\.yaml:2: idle_after: is not a duration/),
    ]);
  }
});

test("leeway sql starts no engine: it says what to do", async () => {
  using folder = createFolder({});
  const end = await folder.run(["sql", "SELECT 1", "--data", "nowhere"]);
  expect(end.code).toBe(3);
  expect(end.complaints).toEqual([
    expect.stringMatching(/^leeway: no engine serves .*nowhere; start leeway serve there, .* or set CLICKHOUSE_URL$/),
  ]);
});

test("off loopback without tokens it refuses to start", async () => {
  using folder = createFolder({ "leeway.yaml": "http: { listen: 0.0.0.0:0 }\n" });
  const end = await folder.run(["serve", "--roles", "alerting"]);
  expect(end.code).toBe(2);
  expect(end.complaints).toEqual([
    "leeway: leeway.yaml:1: http.listen: is 0.0.0.0, which others can reach; set http.tokens_file, or listen on 127.0.0.1",
  ]);
});

test("check-config says what it found, and with --json what is wrong", async () => {
  using folder = createFolder({ "leeway.yaml": "models: [m.yaml]\n", "m.yaml": "model: m\n" });
  const valid = await folder.run(["check-config"]);
  expect(valid.stdout).toBe(
    "leeway.yaml: valid\n  files      leeway.yaml, m.yaml\n  models     m\n  receivers  console\n",
  );
  using wrong = createFolder({ "leeway.yaml": "clok: wall\n" });
  const { code, stdout, complaints } = await wrong.run(["check-config", "--json"]);
  expect([code, complaints]).toEqual([2, []]);
  expect(JSON.parse(stdout)).toMatchObject({ valid: false, faults: [{ line: 1, path: "clok" }] });
});

test("--no-color may stand anywhere, and colours are for terminals", async () => {
  using folder = createFolder({});
  const plain = await folder.run(["help"]);
  expect(plain.stdout).not.toContain("\u001b[");
  for (const args of [
    ["--no-color", "help"],
    ["help", "--no-color"],
  ]) {
    expect(await folder.run(args)).toEqual(plain);
  }
});

test("config effective says where each option comes from", async () => {
  using folder = createFolder({
    "leeway.yaml": "models: [m.yaml]\nidle_after: 20s\n",
    "m.yaml": "model: m\nretention: 30d\n",
  });
  const { stdout } = await folder.run(["config", "effective"]);
  expect(stdout).toMatch(/^retention +30d +m\.yaml:2$/m);
  expect(stdout).toMatch(/^monitoring\.idle_after +20s +leeway\.yaml:2$/m);
  expect(stdout).toMatch(/^monitoring\.zone +UTC +built in$/m);
  const json = await folder.run(["config", "effective", "--json"]);
  expect(JSON.parse(json.stdout)).toContainEqual({
    option: "retention",
    value: "30d",
    file: join(folder.path, "m.yaml"),
    line: 2,
  });
  const other = await folder.run(["config", "effective", "--model", "n"]);
  expect(other.complaints).toEqual(['leeway: config: no file declares the model "n"; did you mean m?']);
});
