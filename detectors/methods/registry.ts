import { andersonDarling } from "./anderson-darling.ts";
import { chiSquare } from "./chi-square.ts";
import { cramerVonMises } from "./cramer-von-mises.ts";
import { cramersV } from "./cramers-v.ts";
import { energy } from "./energy.ts";
import { fisherExact } from "./fisher-exact.ts";
import { gTest } from "./g-test.ts";
import { hellinger } from "./hellinger.ts";
import { jensenShannon } from "./jensen-shannon.ts";
import { kl } from "./kl.ts";
import { ks } from "./ks.ts";
import { lInfinity } from "./l-infinity.ts";
import { mannWhitney } from "./mann-whitney.ts";
import { psi } from "./psi.ts";
import { adwin } from "./streaming/adwin.ts";
import { cusum } from "./streaming/cusum.ts";
import { ddm } from "./streaming/ddm.ts";
import { ewma } from "./streaming/ewma.ts";
import { pageHinkley } from "./streaming/page-hinkley.ts";
import { totalVariation } from "./total-variation.ts";
import { wasserstein } from "./wasserstein.ts";
import { welchT } from "./welch-t.ts";
import { zProportions } from "./z-proportions.ts";

/** Every method between two samples: one file and one line each. Documentation and the conformance tests derive from it. */
export const methods = [
  psi,
  ks,
  chiSquare,
  gTest,
  jensenShannon,
  kl,
  hellinger,
  totalVariation,
  lInfinity,
  wasserstein,
  energy,
  cramerVonMises,
  andersonDarling,
  mannWhitney,
  cramersV,
  fisherExact,
  zProportions,
  welchT,
] as const;

export type MethodName = (typeof methods)[number]["name"];

/** Every detector of changes in a stream of values. */
export const streamMethods = [adwin, pageHinkley, ddm, cusum, ewma] as const;

export type StreamMethodName = (typeof streamMethods)[number]["name"];
