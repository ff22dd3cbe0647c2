import { createHash } from "node:crypto";

export const featureTypes = ["numeric", "categorical", "boolean"] as const;
export type FeatureType = (typeof featureTypes)[number];

export interface FeatureField {
  readonly name: string;
  readonly type: FeatureType;
}

/**
 * The immutable meaning of the positional arrays `num` and `cat` of the `events` table. Numeric fields take the
 * positions of `num` in order, categorical and boolean fields (as "true"/"false") those of `cat`.
 */
export interface FeatureSchema {
  readonly schemaId: string;
  readonly model: string;
  readonly fields: readonly FeatureField[];
}

/** The id is the first 16 hex digits of sha256 over the model and the ordered names and types. */
export function createFeatureSchema(model: string, fields: readonly FeatureField[]): FeatureSchema {
  const identity = JSON.stringify([model, fields.map((field) => [field.name, field.type])]);
  const schemaId = createHash("sha256").update(identity).digest("hex").slice(0, 16);
  return { schemaId, model, fields };
}

export interface FeaturePosition {
  readonly array: "num" | "cat";
  /** Counted from 1, as ClickHouse does. */
  readonly index: number;
}

/** Where each field of a schema lies in the `events` table's arrays. */
export function featurePositions(schema: FeatureSchema): ReadonlyMap<string, FeaturePosition> {
  const positions = new Map<string, FeaturePosition>();
  let num = 0;
  let cat = 0;
  for (const field of schema.fields) {
    positions.set(
      field.name,
      field.type === "numeric" ? { array: "num", index: ++num } : { array: "cat", index: ++cat },
    );
  }
  return positions;
}
