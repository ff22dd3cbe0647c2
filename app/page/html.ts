/** Made by `html` alone, so that what stands in a page was either written here or escaped. */
export interface Html {
  readonly [markup]: string;
}

const markup = Symbol("markup");

/** What may stand in a page: text and numbers are escaped, null and false leave nothing. */
export type Child = Html | string | number | null | false | readonly Child[];

/** A piece of HTML or SVG; every value is escaped, as content and in a quoted attribute. Attributes must be quoted. */
export function html(parts: TemplateStringsArray, ...values: readonly Child[]): Html {
  let text = parts[0] ?? "";
  for (const [index, value] of values.entries()) text += rendered(value) + (parts[index + 1] ?? "");
  return { [markup]: text };
}

export function rendered(child: Child): string {
  if (child === null || child === false) return "";
  if (typeof child === "string") return escaped(child);
  if (typeof child === "number") return String(child);
  return markup in child ? child[markup] : child.map(rendered).join("");
}

/** Text that is known at build time and holds no data, such as a stylesheet. */
export function trusted(constant: string): Html {
  return { [markup]: constant };
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Control characters, and those that turn the reading direction, become visible. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? "")
    .replaceAll(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "\u{fffd}");
}
