import { cutSums } from '../../sdk/sum/cut-sums.ts'
import { wordsOf } from '../../sdk/sum/exact-sums.ts'
import { inputs, numberOf, type VectorCase } from './cases.ts'

/** The first index of each part that a ring sends, and the index after the last part. */
export function ringParts(given: VectorCase): Record<string, unknown> {
  const { values } = inputs.parts.parse(given.inputs)
  const whole = { quantumBits: 34, sum: new BigInt64Array(values), bound: wordsOf(0n), weight: 1, updates: 1 }
  const starts = [0]
  for (const { delta } of cutSums({ delta: whole }, numberOf(given, 'members')))
    starts.push((starts.at(-1) ?? 0) + (delta?.sum.length ?? 0))
  return { starts }
}
