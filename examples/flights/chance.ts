/**
 * Uniform number in [0, 1) that depends on the seed and the position alone (splitmix32's finalizer), so that who asks, and
 * in which order, makes no difference.
 */
export function chance(seed: number, position: number): number {
  let x = (Math.imul(seed, 0x9e3779b9) + position) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}
