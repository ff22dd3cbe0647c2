import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listIncidentDecisions, readIncident } from "./incidents.ts";
import { stateMigrations } from "./migrations.ts";
import { listActiveSilences } from "./silences.ts";
import { openState } from "./state.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "leeway-state-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const things = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)";

test("the file is made with its folder, and written durably", async () => {
  const path = join(directory, "new", "state.sqlite");
  using state = openState(path);
  expect(state.get("PRAGMA journal_mode")).toEqual({ journal_mode: "wal" });
  expect(state.get("PRAGMA synchronous")).toEqual({ synchronous: 2 });
  expect((await stat(path)).size).toBeGreaterThan(0);
});

test("a transaction is all or nothing", () => {
  using state = openState(":memory:");
  state.run(things);
  const failing = () =>
    state.transaction(() => {
      state.run("INSERT INTO things VALUES (?)", "half");
      throw new Error("stopped");
    });
  expect(failing).toThrow("stopped");
  expect(state.all("SELECT name FROM things")).toEqual([]);
  const result = state.transaction(() => {
    state.run("INSERT INTO things VALUES (?)", "outer");
    return state.transaction(() => state.run("INSERT INTO things VALUES (?)", "inner").changes);
  });
  expect(result).toBe(1);
  expect(state.all("SELECT name FROM things ORDER BY name")).toEqual([{ name: "inner" }, { name: "outer" }]);
});

test("a failure inside an inner transaction undoes the outer one", () => {
  using state = openState(":memory:");
  state.run(things);
  const failing = () =>
    state.transaction(() => {
      state.run("INSERT INTO things VALUES (?)", "outer");
      state.transaction(() => {
        throw new Error("inner");
      });
    });
  expect(failing).toThrow("inner");
  expect(state.all("SELECT name FROM things")).toEqual([]);
});

test("what was committed is there after the file is opened again, at the same version", () => {
  const path = join(directory, "again.sqlite");
  {
    using state = openState(path);
    state.run(things);
    state.run("INSERT INTO things VALUES (?)", "it's kept");
  }
  using state = openState(path);
  expect(state.all("SELECT name FROM things")).toEqual([{ name: "it's kept" }]);
  expect(state.get("PRAGMA user_version")).toEqual({ user_version: stateMigrations.length });
});

test("SIGKILL loses nothing that was committed, and what was not is gone", async () => {
  const path = join(directory, "killed.sqlite");
  const program = `
    const { openState } = await import(${JSON.stringify(new URL("./state.ts", import.meta.url).href)});
    const state = openState(${JSON.stringify(path)});
    state.run(${JSON.stringify(things)});
    state.transaction(() => { for (let n = 0; n < 100; n++) state.run("INSERT INTO things VALUES (?)", "kept " + n); });
    state.transaction(() => {
      state.run("INSERT INTO things VALUES ('never committed')");
      process.kill(process.pid, "SIGKILL");
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "ignore" });
  await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  using state = openState(path);
  expect(state.get("SELECT count(*) AS kept FROM things WHERE name LIKE 'kept %'")).toEqual({ kept: 100 });
  expect(state.get("SELECT count(*) AS more FROM things")).toEqual({ more: 100 });
});

test("a second process can look in while the owner writes", async () => {
  const path = join(directory, "shared.sqlite");
  using owner = openState(path);
  owner.run(things);
  owner.run("INSERT INTO things VALUES ('seen')");
  using looker = openState(path, { readOnly: true });
  expect(looker.all("SELECT name FROM things")).toEqual([{ name: "seen" }]);
  expect(() => looker.run("DELETE FROM things")).toThrow(/readonly/);
});

test("a damaged file, a folder, and a newer program's file are refused by name", async () => {
  const damaged = join(directory, "damaged.sqlite");
  await writeFile(damaged, "this is no database, and long enough to be looked at by SQLite ".repeat(20));
  const newer = join(directory, "newer.sqlite");
  const database = new DatabaseSync(newer);
  database.exec(`PRAGMA user_version = ${stateMigrations.length + 1}`);
  database.close();
  for (const path of [damaged, directory, newer]) {
    expect(() => openState(path)).toThrow(expect.objectContaining({ code: "state_unreadable" }));
  }
  expect(() => openState(newer)).toThrow(/update leeway/);
});

test("the file of an older program is brought up to date, and looked into only then", () => {
  const path = join(directory, "older.sqlite");
  const database = new DatabaseSync(path);
  for (const sql of stateMigrations.slice(0, 2)) database.exec(sql);
  database.exec(`PRAGMA user_version = 2;
    INSERT INTO incidents VALUES ('i', 'production', 'm', 'open', 'inputs_moved', 'ticket', 1, 2, NULL, NULL, 0, 1, '{}', 'ada', 3);
    INSERT INTO incident_decisions VALUES (1, 'i', 'record', 'stale', '[]', 4)`);
  database.close();
  expect(() => openState(path, { readOnly: true })).toThrow(/start leeway serve of this version there once/);
  using state = openState(path);
  expect(readIncident(state, "i")).toMatchObject({
    held: false,
    acknowledgement: { by: "ada", atMs: 3, comment: null },
  });
  expect(listIncidentDecisions(state, "i")).toMatchObject([{ reason: "stale", silences: [] }]);
  using looker = openState(path, { readOnly: true });
  expect(listActiveSilences(looker, 0)).toEqual([]);
});
