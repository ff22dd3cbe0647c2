import { defineMethod, total, type Setting } from "./method.ts";
import { referenceDeviation } from "./reference-deviation.ts";

/**
 * Energy distance √(2·∫ (F − G)² dx) (`scipy.stats.energy_distance(values, values, reference, current)`): its square is
 * 2·E|X − Y| − E|X − X′| − E|Y − Y′|. Its unit is the square root of that of the values.
 *
 * Source: Székely 2002; Rizzo & Székely 2016.
 */
export function energyDistance(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { values, scale = "raw" }: Setting = {},
): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let before = 0;
  let now = 0;
  let integral = 0;
  for (let cell = 0; cell + 1 < reference.length; cell += 1) {
    before += reference[cell]!;
    now += current[cell]!;
    const width = (values?.[cell + 1] ?? cell + 1) - (values?.[cell] ?? cell);
    integral += (before / referenceRows - now / rows) ** 2 * width;
  }
  const unit = scale === "raw" ? 1 : referenceDeviation("energy", reference, values);
  return Math.SQRT2 * (Math.sqrt(integral) / Math.sqrt(unit));
}

export const energy = defineMethod({
  name: "energy",
  title: "Energy distance",
  meaning: "How far the whole distribution moved, shape included; 0 only if the distributions are the same.",
  convention:
    "√(2·∫ (F − G)² dx); scale `reference_sd` divides the values by the reference's standard deviation first.",
  source: "Székely 2002; Rizzo & Székely 2016",
  over: "values",
  options: ["scale"],
  value: energyDistance,
});
