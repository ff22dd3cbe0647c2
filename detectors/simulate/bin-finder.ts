import { binOf } from "../decisions/binning.ts";

/** Cells of equal width between the outer edges. */
const cells = 4096;

/** As `binOf`, from near where the bin must be: millions of values are counted. NaN is in no bin, and must not be asked for. */
export function binFinder(edges: Float64Array): (value: number) => number {
  const low = edges[0]!;
  const step = (edges.at(-1)! - low) / cells;
  // One edge or none, or edges beyond what a double can step over: there is no cell to begin in.
  if (!(step > 0) || !Number.isFinite(step)) return (value) => binOf(edges, value);
  const starts = Int32Array.from({ length: cells }, (_, cell) => binOf(edges, low + cell * step));
  return (value) => {
    if (value <= low) return 0;
    let bin = starts[Math.min(cells - 1, Math.floor((value - low) / step))]!;
    while (bin > 0 && value <= edges[bin - 1]!) bin -= 1;
    while (bin < edges.length && value > edges[bin]!) bin += 1;
    return bin;
  };
}
