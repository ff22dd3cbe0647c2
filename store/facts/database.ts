import type { Facts } from "./client.ts";

/**
 * Makes a database unless it is there. Asked first: a role whose user may not create one can still work in one.
 * @param admin Facts of a database that exists, such as `default`.
 */
export async function ensureDatabase(admin: Facts, database: string): Promise<void> {
  const found = await admin.query("SELECT name FROM system.databases WHERE name = {database:String}", { database });
  if (found.length === 0) await admin.command("CREATE DATABASE IF NOT EXISTS {database:Identifier}", { database });
}
