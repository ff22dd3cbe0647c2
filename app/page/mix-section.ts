import { shareText } from "../../alerting/text/quantities.ts";
import { parseSlice } from "../../core/slice.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";

interface Decomposed {
  /** As in `Evidence`. */
  readonly mix?: readonly { readonly attribute: string; readonly part: number }[];
  readonly slices: readonly { readonly name: string }[];
  readonly alike?: readonly string[];
}

/** Attributes named in one sentence. */
const named = 3;

/** The sentence, and what part of the change is mix by each attribute that tells one; null if none was looked at. */
export function mixSection(name: string, evidence: Decomposed): Html | null {
  const text = mixText(evidence);
  if (text === null) return null;
  const { mix = [] } = evidence;
  const rows = mix.map(
    ({ attribute, part }) =>
      html`<tr>
        <th scope="row">${attribute}</th>
        <td class="number">${shareText(part)}</td>
        <td class="number">${shareText(1 - part)}</td>
      </tr>`,
  );
  const columns = [
    "Attribute",
    { name: "Another mix", kind: "number" },
    { name: "Within its values", kind: "number" },
  ] as const;
  return html`<h4 class="sub">Mix, or within</h4>
    <p>${text}</p>
    ${rows.length === 0 ? null : scrollTable({ label: `Mix of ${name}`, columns, rows })}`;
}

/**
 * Whether a change is another mix of slices or happened within them, in a sentence: the same values from other places, or
 * other values from the same places. Null if no attribute was looked at.
 */
export function mixText({ mix = [], slices, alike = [] }: Decomposed): string | null {
  const [top] = mix;
  if (top === undefined) {
    const attributes = [...new Set([...attributesOf(slices), ...alike])];
    if (attributes.length === 0) return null;
    const them = attributes.length > 1 ? "their mixes explain" : "its mix explains";
    return `It happened within the values of ${listText(attributes)}: ${them} little of it.`;
  }
  const { attribute, part } = top;
  if (part < 0) {
    return `It happened within the values of ${attribute}, and is larger there: another mix of them hides ${shareText(-part)} of it.`;
  }
  const mixed = `another mix of ${attribute}`;
  if (part >= 1) return `It is ${mixed}: within its values nothing moved that way.`;
  const shares = `${shareText(part)} of it is ${mixed}, ${shareText(1 - part)} happened within its values.`;
  return `${part >= 0.5 ? "It is mostly mix" : "It is mostly within"}: ${shares}`;
}

function attributesOf(slices: Decomposed["slices"]): string[] {
  return slices.flatMap(({ name }) => Object.keys(parseSlice(name)));
}

function listText(names: readonly string[]): string {
  const shown = names.slice(0, named);
  const last = shown.pop() ?? "";
  return shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
}
