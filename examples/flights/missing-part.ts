/** Something the demo cannot do without is not there; the message is one line that names it and says how to get it. */
export class MissingPart extends Error {
  override readonly name = "MissingPart";
}
