/** A longer pattern is not one that a person can check at night. */
const longest = 200;
/**
 * In bits: a match may try so many ways, at worst and for labels as long as they get. Alerting must never wait for a pattern, and
 * the engine here tries one way after another.
 */
const mostBits = 32;
/** A part that repeats may stretch over a label in as many ways as the label is long. */
const bitsOfRepeat = 8;

/**
 * Compiles a pattern of a silence: a regular expression that must match a whole value, as in Alertmanager. As there, with RE2,
 * nothing may look ahead or refer back; and no repetition may be repeated, because the engine here tries ways in turn.
 *
 * @returns or what is wrong with it, for the person who wrote it.
 */
export function compilePattern(
  pattern: string,
): { readonly kind: "pattern"; readonly regex: RegExp } | { readonly kind: "fault"; readonly detail: string } {
  const fault = (detail: string) => ({ kind: "fault", detail }) as const;
  if (pattern.length > longest) return fault(`it is longer than ${longest} characters`);
  let regex: RegExp;
  try {
    regex = new RegExp(`^(?:${pattern})$`, "su");
    // A bracket too many may close the group around it.
    void new RegExp(pattern, "su");
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return fault(message.slice(message.lastIndexOf(": ") + 2).toLowerCase());
  }
  if (/\(\?(?!:)/.test(pattern.replaceAll(/\\./gsu, ""))) {
    return fault("only plain groups and (?: … ) are known: nothing looks ahead or behind, has a name or changes flags");
  }
  if (/\\[1-9k]/u.test(pattern.replaceAll("\\\\", ""))) return fault("nothing may refer back to a group");
  const bits = bitsOf(pattern);
  if (bits === null) return fault("what repeats, or has a choice, may not be repeated itself; write it out");
  if (bits > mostBits) return fault("it can match in too many ways: use fewer of *, +, ? and |");
  return { kind: "pattern", regex };
}

/** In how many ways a valid pattern may match, along the costliest way through it, in bits; null: a repetition is repeated. */
function bitsOf(pattern: string): number | null {
  // Of each open group: the most along a choice that is complete, along the present one, and the number of choices.
  const open = [{ most: 0, present: 0, choices: 1 }];
  const tokens = pattern.matchAll(
    /(?<one>\\.|\[(?:\\.|[^\]\\])*\]|[^()|*+?{}])|(?<begin>\((?:\?:)?)|(?<end>\))|(?<choice>\|)|(?<fixed>\{\d+\})|(?<many>[*+]|\{\d+,\d*\})|(?<maybe>\?)/gsu,
  );
  let last = 0;
  for (const { groups = {} } of tokens) {
    const group = open.at(-1)!;
    if (groups["one"] !== undefined) last = 0;
    else if (groups["begin"] !== undefined) open.push({ most: 0, present: 0, choices: 1 });
    else if (groups["choice"] !== undefined) {
      Object.assign(group, { most: Math.max(group.most, group.present), present: 0, choices: group.choices + 1 });
    } else if (groups["end"] !== undefined) {
      open.pop();
      last = Math.max(group.most, group.present) + Math.ceil(Math.log2(group.choices));
      open.at(-1)!.present += last;
    } else if (groups["maybe"] === undefined) {
      if (last > 0) return null;
      last = groups["many"] === undefined ? 0 : bitsOfRepeat;
      group.present += last;
    } else {
      last += 1;
      group.present += 1;
    }
  }
  return Math.max(open[0]!.most, open[0]!.present);
}
