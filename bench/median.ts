/** Enough runs for the last stage of the just-in-time compilers. */
const warmUps = 60
const counted = 61

/** Median seconds of two pieces of work. They run in turn, so that a change in the machine's speed meets both. */
export function medianSecondsOfBoth(
  first: () => void,
  second: () => void,
): { readonly first: number; readonly second: number } {
  const times = { first: new Float64Array(counted), second: new Float64Array(counted) }
  for (let run = -warmUps; run < counted; run++) {
    const start = performance.now()
    first()
    const between = performance.now()
    second()
    if (run < 0) continue
    times.first[run] = (between - start) / 1000
    times.second[run] = (performance.now() - between) / 1000
  }
  return { first: median(times.first), second: median(times.second) }
}

/** Medians of the answers of two pieces of work, which run in turn as well. */
export async function mediansOfBoth(
  first: () => Promise<number>,
  second: () => Promise<number>,
): Promise<{ readonly first: number; readonly second: number }> {
  const rounds = 7
  const answers = { first: new Float64Array(rounds), second: new Float64Array(rounds) }
  for (let round = -2; round < rounds; round++) {
    const one = await first()
    const other = await second()
    if (round < 0) continue
    answers.first[round] = one
    answers.second[round] = other
  }
  return { first: median(answers.first), second: median(answers.second) }
}

export function median(values: Float64Array): number {
  return values.toSorted()[values.length >> 1] ?? Number.NaN
}
