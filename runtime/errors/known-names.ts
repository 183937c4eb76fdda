/** Lists known names for a message about an unknown name, with the name that was most likely meant. */
export function knownNames(given: string, known: readonly string[]): string {
  const meant = nearest(given, known)
  return `${known.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`
}

/** The known name with the fewest letters to change, if these are at most a third. Ignores case and punctuation. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const letters = lettersOf(given)
  let best: string | undefined
  let fewest = Math.floor(letters.length / 3) + 1
  for (const name of known) {
    const changes = changesBetween(letters, lettersOf(name))
    if (changes >= fewest) continue
    best = name
    fewest = changes
  }
  return best
}

/** Bounded, since an untrusted name may have any length. */
function lettersOf(name: string): string {
  return name
    .slice(0, 64)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
}

/**
 * Number of letters to insert, delete, replace, or swap with their neighbour (the restricted distance of Damerau and
 * Levenshtein).
 */
function changesBetween(a: string, b: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, place) => place)]
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + Number(!isSame),
        isSwapped && i > 1 && j > 1 ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    ;[before, row] = [row, next]
  }
  return row[b.length] ?? 0
}
