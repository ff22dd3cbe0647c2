import type { ConfigDocument } from "./document.ts";
import type { PathPart } from "./fault.ts";

/** One place that says something about a model. Later layers win. */
export interface Layer {
  /** Plain data in the words of a model file. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where it stands; null for what is built in. */
  readonly document: ConfigDocument | null;
  /** The path in the document at which `value` begins. */
  readonly prefix: readonly PathPart[];
}

/** One option that applies to a model, and where it was said. */
export interface EffectiveOption {
  readonly path: readonly PathPart[];
  readonly value: unknown;
  /** Null: built in. */
  readonly source: { readonly file: string; readonly line: number } | null;
}

/**
 * Lays layers over one another: maps are merged key by key, everything else (lists too) is replaced as a whole, and so are
 * maps with a `kind`, whose options belong together.
 */
export function mergeLayers(layers: readonly Layer[]): {
  readonly value: Readonly<Record<string, unknown>>;
  readonly options: readonly EffectiveOption[];
} {
  let value: Record<string, unknown> = {};
  const options = new Map<string, EffectiveOption>();
  for (const layer of layers) {
    value = merge(value, layer.value, [], layer, options) as Record<string, unknown>;
  }
  return { value, options: [...options.values()] };
}

function merge(
  below: unknown,
  above: unknown,
  path: readonly PathPart[],
  layer: Layer,
  options: Map<string, EffectiveOption>,
): unknown {
  if (isMap(above)) {
    const base = isMap(below) && !("kind" in above) ? below : {};
    if (below !== undefined && base !== below) forget(options, path);
    const merged: Record<string, unknown> = { ...base };
    for (const [key, value] of Object.entries(above))
      merged[key] = merge(base[key], value, [...path, key], layer, options);
    // An empty map such as `origin_state: {}` says something too.
    if (Object.keys(above).length === 0 && path.length > 0) remember(options, path, above, layer);
    return merged;
  }
  forget(options, path);
  remember(options, path, above, layer);
  return above;
}

function remember(
  options: Map<string, EffectiveOption>,
  path: readonly PathPart[],
  value: unknown,
  layer: Layer,
): void {
  const { document, prefix } = layer;
  const source = document === null ? null : { file: document.file, line: document.lineOf([...prefix, ...path]) };
  options.set(JSON.stringify(path), { path, value, source });
}

function forget(options: Map<string, EffectiveOption>, path: readonly PathPart[]): void {
  const key = JSON.stringify(path);
  const below = `${key.slice(0, -1)},`;
  for (const known of options.keys()) if (known === key || known.startsWith(below)) options.delete(known);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
