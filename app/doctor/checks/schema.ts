import { LeewayError } from "../../../core/errors.ts";
import { checkSchema, schemaVersion } from "../../../store/migrations/migrate.ts";
import { fail, ok, type Check } from "../check.ts";

export const schemaCheck: Check = {
  name: "schema",
  title: "Tables",
  run: async (patient) => {
    const facts = await patient.facts();
    try {
      await checkSchema(facts);
      return [ok(`version ${schemaVersion}, as this program needs`)];
    } catch (error) {
      if (!(error instanceof LeewayError) || error.code !== "schema_outdated") throw error;
      return [fail(error.message, "run leeway migrate, or update leeway if the tables are newer")];
    }
  },
};
