import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { LeewayError } from "../../core/errors.ts";
import { stateMigrations } from "./migrations.ts";

export type StateRow = Record<string, unknown>;

/**
 * What the alerting role must never lose between two lines of code: incidents, outbox, cursors. One SQLite file, written
 * durably (WAL, synchronous=FULL) before anything is answered or sent. One process owns it.
 */
export interface State extends Disposable {
  readonly all: <Row = StateRow>(sql: string, ...values: SQLInputValue[]) => Row[];
  readonly get: <Row = StateRow>(sql: string, ...values: SQLInputValue[]) => Row | undefined;
  readonly run: (sql: string, ...values: SQLInputValue[]) => { readonly changes: number };
  /** All or nothing; `work` is synchronous, so nothing else comes between. */
  readonly transaction: <Result>(work: () => Result) => Result;
}

/**
 * @param path A file, made if it is missing, or `:memory:`.
 * @throws LeewayError `state_unreadable` if the file cannot be opened, is damaged, or was written by a newer program; with
 *   `readOnly` also if an older one wrote it, since it cannot be brought up to date.
 */
export function openState(path: string, options: { readonly readOnly?: boolean } = {}): State {
  const readOnly = options.readOnly ?? false;
  let database: DatabaseSync;
  try {
    if (path !== ":memory:" && !readOnly) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    database = new DatabaseSync(path, { readOnly });
    database.exec("PRAGMA busy_timeout = 5000");
    if (!readOnly) {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      migrateState(database, path);
    } else requireThisVersion(database, path);
  } catch (cause) {
    if (cause instanceof LeewayError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LeewayError("state_unreadable", `${path}: the state file cannot be opened (${reason})`, { cause });
  }
  // Statements are prepared once: the same few run all day.
  const prepared = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  const statement = (sql: string) => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const fresh = database.prepare(sql);
    prepared.set(sql, fresh);
    return fresh;
  };
  let depth = 0;

  return {
    all: <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).all(...values) as Row[],
    get: <Row>(sql: string, ...values: SQLInputValue[]) => statement(sql).get(...values) as Row | undefined,
    run: (sql, ...values) => ({ changes: Number(statement(sql).run(...values).changes) }),
    transaction: (work) => {
      if (depth > 0) return work();
      database.exec("BEGIN IMMEDIATE");
      depth += 1;
      try {
        const result = work();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      } finally {
        depth -= 1;
      }
    },
    [Symbol.dispose]: () => database.close(),
  };
}

function requireThisVersion(database: DatabaseSync, path: string): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version === stateMigrations.length) return;
  const remedy = version > stateMigrations.length ? "update leeway" : "start leeway serve of this version there once";
  const message = `${path} has version ${version}, this program knows ${stateMigrations.length}: ${remedy}`;
  throw new LeewayError("state_unreadable", message);
}

function migrateState(database: DatabaseSync, path: string): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > stateMigrations.length) {
    const message = `${path} has version ${version}, this program knows ${stateMigrations.length}: update leeway`;
    throw new LeewayError("state_unreadable", message);
  }
  for (const [index, sql] of stateMigrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
