/** Joins arrays into the array that `make` makes for all their values. */
export function joined<Part extends { readonly length: number }, Whole extends { set(part: Part, at: number): void }>(
  parts: readonly Part[],
  make: (length: number) => Whole,
): Whole {
  const whole = make(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
