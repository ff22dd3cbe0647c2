/** A cohort: one value of one attribute, or of several. The empty slice is the whole model. */
export type Slice = Readonly<Record<string, string>>;

export const wholeModel: Slice = {};

/** `haul=short,origin_state=NY`: sorted by attribute; empty for the whole model. Backslash, comma and = are escaped by a backslash. */
export function formatSlice(slice: Slice): string {
  const escape = (text: string) => text.replaceAll(/[\\,=]/g, (character) => `\\${character}`);
  return Object.keys(slice)
    .toSorted()
    .map((attribute) => `${escape(attribute)}=${escape(slice[attribute] ?? "")}`)
    .join(",");
}

/** The inverse of `formatSlice`. */
export function parseSlice(text: string): Slice {
  const slice: Record<string, string> = {};
  if (text === "") return slice;
  for (const [, attribute = "", value = ""] of text.matchAll(/((?:[^\\,=]|\\.)*)=((?:[^\\,=]|\\.)*)(?:,|$)/gs)) {
    slice[attribute.replaceAll(/\\(.)/gs, "$1")] = value.replaceAll(/\\(.)/gs, "$1");
  }
  return slice;
}
