import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "../../detectors/simulate/random.ts";

const sides = ["reference", "current"] as const;
type Side = (typeof sides)[number];

const rowsOf: Readonly<Record<Side, number>> = { reference: 4000, current: 2000 };

/** The two files of `leeway compare --example`, as they are called in its output. */
export const exampleNames: Readonly<Record<Side, string>> = {
  reference: "example/applications-january.csv",
  current: "example/applications-march.csv",
};

/**
 * Writes the two files of the example: loan applications, made from a fixed seed. In March younger people apply, through a
 * channel that is new, and an income is often left out; everything else is as it was.
 *
 * @returns Their paths.
 */
export async function writeExampleFiles(directory: string): Promise<Readonly<Record<Side, string>>> {
  const path = (side: Side) => join(directory, `example-${side}.csv`);
  for (const side of sides) await writeFile(path(side), exampleText(side));
  return { reference: path("reference"), current: path("current") };
}

function exampleText(side: Side): string {
  const random = createRandom(20260101, sides.indexOf(side));
  const now = side === "current";
  const pick = (shares: readonly (readonly [string, number])[]): string => {
    let left = random.uniform();
    for (const [name, share] of shares) if ((left -= share) < 0) return name;
    return shares.at(-1)![0];
  };
  const lines = ["applied_at,age,income,amount,duration_months,purpose,channel,region,existing_customer,score"];
  const firstDay = Date.UTC(2026, now ? 2 : 0, 1);
  for (let row = 0; row < rowsOf[side]; row += 1) {
    const appliedAt = new Date(firstDay + Math.floor(random.uniform() * 28 * 86_400_000)).toISOString().slice(0, 19);
    const age = Math.max(18, Math.round((now ? 38 : 42) + 12 * random.normal()));
    const income = random.uniform() < (now ? 0.09 : 0.02) ? "" : Math.round(2600 * Math.exp(0.45 * random.normal()));
    const amount = 500 * Math.max(1, Math.round(18 * Math.exp(0.6 * random.normal())));
    const duration = pick([
      ["12", 0.2],
      ["24", 0.3],
      ["36", 0.25],
      ["48", 0.15],
      ["60", 0.1],
    ]);
    const purpose = pick([
      ["car", 0.35],
      ["home", 0.3],
      ["furniture", 0.2],
      ["studies", 0.1],
      ["other", 0.05],
    ]);
    const channel = pick(
      now
        ? [
            ["app", 0.45],
            ["branch", 0.27],
            ["phone", 0.18],
            ["partner", 0.1],
          ]
        : [
            ["app", 0.5],
            ["branch", 0.3],
            ["phone", 0.2],
          ],
    );
    const region = pick([
      ["north", 0.25],
      ["south", 0.35],
      ["east", 0.15],
      ["west", 0.25],
    ]);
    const existing = random.uniform() < 0.4;
    const score = (1 / (1 + Math.exp(-(1.2 + 0.02 * (age - 42) + 0.8 * random.normal())))).toFixed(4);
    lines.push([appliedAt, age, income, amount, duration, purpose, channel, region, existing, score].join(","));
  }
  return `${lines.join("\n")}\n`;
}
