import { LeewayError } from "../../core/errors.ts";
import type { Facts } from "../facts/client.ts";
import { statements as tables, version as tablesVersion } from "./0001-tables.ts";
import { statements as httpIngest, version as httpIngestVersion } from "./0002-http-ingest.ts";
import { statements as batchTraceparent, version as batchTraceparentVersion } from "./0003-batch-traceparent.ts";
import { statements as performance, version as performanceVersion } from "./0004-performance.ts";
import { statements as fastReferences, version as fastReferencesVersion } from "./0005-fast-references.ts";
import { statements as learntReferences, version as learntReferencesVersion } from "./0006-learnt-references.ts";
import { statements as weightSquares, version as weightSquaresVersion } from "./0007-weight-squares.ts";

interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/** In order; a released migration never changes. Every statement can run twice (`IF NOT EXISTS`), so two roles may start at once. */
const migrations: readonly Migration[] = [
  { version: tablesVersion, statements: tables },
  { version: httpIngestVersion, statements: httpIngest },
  { version: batchTraceparentVersion, statements: batchTraceparent },
  { version: performanceVersion, statements: performance },
  { version: fastReferencesVersion, statements: fastReferences },
  { version: learntReferencesVersion, statements: learntReferences },
  { version: weightSquaresVersion, statements: weightSquares },
];

export const schemaVersion = migrations.at(-1)?.version ?? 0;

async function storedVersion(facts: Facts): Promise<number> {
  const [table] = await facts.query<{ found: number }>(
    "SELECT count() AS found FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'",
    { database: facts.database },
  );
  if ((table?.found ?? 0) === 0) return 0;
  const [row] = await facts.query<{ version: number }>("SELECT max(version) AS version FROM schema_migrations");
  return row?.version ?? 0;
}

/**
 * Makes the tables, or brings them up to this program's version.
 *
 * @returns the version before.
 * @throws LeewayError `schema_outdated` if the tables are of a newer program.
 */
export async function migrate(facts: Facts): Promise<number> {
  const before = await storedVersion(facts);
  if (before > schemaVersion) throw newerTables(facts, before);
  await facts.command(
    `CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
    ENGINE = ReplacingMergeTree ORDER BY version`,
  );
  for (const migration of migrations) {
    if (migration.version <= before) continue;
    for (const statement of migration.statements) await facts.command(statement);
    await facts.insertRows("schema_migrations", [{ version: migration.version }], null);
  }
  return before;
}

function newerTables(facts: Facts, found: number): LeewayError {
  const message = `the tables of database ${facts.database} have version ${found}, this program knows ${schemaVersion}: update leeway`;
  return new LeewayError("schema_outdated", message);
}

/** @throws LeewayError `schema_outdated` (exit 2) if the tables are missing, older or newer than this program. */
export async function checkSchema(facts: Facts): Promise<void> {
  const found = await storedVersion(facts);
  if (found > schemaVersion) throw newerTables(facts, found);
  if (found < schemaVersion) {
    const message = `the tables of database ${facts.database} have version ${found}, this program needs ${schemaVersion}: run \`leeway migrate\`, or start a detector or alerting role first`;
    throw new LeewayError("schema_outdated", message);
  }
}
