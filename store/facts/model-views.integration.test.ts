import { expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import { createModelViews, sqlIdentifier } from "./model-views.ts";
import { createTestDatabase } from "./test-database.ts";

const binary = { kind: "binary", positive: "late", labelDelayMs: 0, labelWindowMs: 3_600_000 } as const;

function event(name: string, schemaId: string, fields: object): object {
  return {
    environment: "production",
    model: name,
    schema_id: schemaId,
    weight: 1,
    expires_on: "2149-06-01",
    ...fields,
  };
}

test("a view has one column per feature under its real name, whatever the schema of the row", async () => {
  await using facts = await createTestDatabase();
  const name = 'fl`ight\'s \\ "quoted"; DROP TABLE events; 🛫';
  const feature = "hour.of `day`'; --";
  const narrow = createFeatureSchema(name, [{ name: feature, type: "numeric" }]);
  const wide = createFeatureSchema(name, [
    { name: "version", type: "categorical" },
    { name: "distance", type: "numeric" },
    { name: feature, type: "numeric" },
  ]);
  const time = { event_time: "2026-03-14T10:00:00.000Z" };
  await facts.insertRows(
    "events",
    [
      event(name, narrow.schemaId, { ...time, event_id: "a", num: [7] }),
      event(name, wide.schemaId, { ...time, event_id: "reference", environment: "baseline-1" }),
      event(name, wide.schemaId, { ...time, event_id: "b", num: [310, 8], cat: ["x"], scores: { late: 0.25 } }),
    ],
    null,
  );
  const features = wide.fields.map((field) => ({ ...field, unit: null }));
  await createModelViews(facts, { name, task: binary, features }, [narrow, wide]);
  const rows = await facts.query(
    `SELECT event_id, ${sqlIdentifier(feature)} AS hour, distance, feature_version, score FROM ${sqlIdentifier(`v_${name}`)} ORDER BY event_id`,
  );
  expect(rows).toEqual([
    { event_id: "a", hour: 7, distance: null, feature_version: null, score: null },
    { event_id: "b", hour: 8, distance: 310, feature_version: "x", score: 0.25 },
  ]);
});

test("the latest label wins, and a label by entity key finds the entity's latest event before it", async () => {
  await using facts = await createTestDatabase();
  const schema = createFeatureSchema("m", []);
  const at = (clock: string) => `2026-03-14T${clock}:00.000Z`;
  const label = (fields: object) => ({ environment: "production", model: "m", expires_on: "2149-06-01", ...fields });
  await facts.insertRows(
    "events",
    [
      event("m", schema.schemaId, { event_id: "a", event_time: at("10:00") }),
      event("m", schema.schemaId, { event_id: "b", event_time: at("10:00"), entity_key: "k" }),
      event("m", schema.schemaId, { event_id: "c", event_time: at("10:30"), entity_key: "k" }),
      event("m", schema.schemaId, { event_id: "d", event_time: at("10:00"), entity_key: "old" }),
      event("m", schema.schemaId, { event_id: "e", event_time: at("10:45"), entity_key: "k", environment: "staging" }),
    ],
    null,
  );
  await facts.insertRows(
    "labels",
    [
      label({ event_id: "a", label_class: "late", label_time: at("12:00"), offset: 1 }),
      label({ event_id: "a", label_class: "on time", label_time: at("13:00"), offset: 0 }),
      label({ event_id: "a", label_class: "early", label_time: at("13:00"), offset: 5 }),
      label({ entity_key: "k", label_num: 4.5, label_time: at("11:00"), offset: 2 }),
      label({ entity_key: "old", label_class: "late", label_time: at("11:01"), offset: 3 }),
    ],
    null,
  );
  await createModelViews(facts, { name: "m", task: binary, features: [] }, [schema]);
  const rows = await facts.query("SELECT event_id, label_class, label_num FROM v_m_labelled ORDER BY event_id");
  expect(rows).toEqual([
    { event_id: "a", label_class: "early", label_num: null },
    { event_id: "b", label_class: null, label_num: null },
    { event_id: "c", label_class: null, label_num: 4.5 },
    { event_id: "d", label_class: null, label_num: null },
    { event_id: "e", label_class: null, label_num: null },
  ]);
});

test("views made by two roles at once, and made again with another feature, are the last ones asked for", async () => {
  await using facts = await createTestDatabase();
  const schema = createFeatureSchema("m", [{ name: "a", type: "numeric" }]);
  const model = { name: "m", task: binary, features: [{ name: "a", type: "numeric", unit: null }] } as const;
  await Promise.all(Array.from({ length: 4 }, () => createModelViews(facts, model, [schema])));
  const wider = createFeatureSchema("m", [...schema.fields, { name: "b", type: "boolean" }]);
  const features = [...model.features, { name: "b", type: "boolean", unit: null }] as const;
  await createModelViews(facts, { ...model, features }, [schema, wider]);
  const columns = await facts.query<{ name: string; type: string }>(
    "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'v_m' AND name IN ('a', 'b')",
  );
  expect(columns).toEqual([
    { name: "a", type: "Nullable(Float64)" },
    { name: "b", type: "Nullable(String)" },
  ]);
});

test("the views of a model called x_labelled are not those of model x", async () => {
  await using facts = await createTestDatabase();
  const events = ["x", "x_labelled"].map((name) => {
    const { schemaId } = createFeatureSchema(name, []);
    return event(name, schemaId, { event_id: `of ${name}`, event_time: "2026-03-14T10:00:00.000Z" });
  });
  await facts.insertRows("events", events, null);
  for (const name of ["x", "x_labelled"]) {
    await createModelViews(facts, { name, task: binary, features: [] }, [createFeatureSchema(name, [])]);
  }
  const held = async (view: string) =>
    (await facts.query<{ event_id: string }>(`SELECT event_id FROM ${view}`)).map((row) => row.event_id);
  expect(await Promise.all(["v_x", "v_x_labelled", "v_x_labelled_", "v_x_labelled__labelled"].map(held))).toEqual([
    ["of x"],
    ["of x"],
    ["of x_labelled"],
    ["of x_labelled"],
  ]);
});
