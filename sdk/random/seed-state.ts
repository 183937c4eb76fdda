/** Odd multipliers of the four lanes: the first ones of MurmurHash3's 128-bit variant for 32-bit machines. */
const multipliers = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const

/** Marks where a label begins and of which type it is, so that ('ab') and ('a', 'b'), 1 and '1' differ. */
const textMark = 0x5bd1e995
const numberMark = 0x1b873593

const double = new DataView(new ArrayBuffer(8))

/**
 * 128 bits that depend on every bit of a seed and of labels, as four 32-bit integers. Quick rather than secret: it starts
 * generators, and guards nothing.
 *
 * @see Appleby, MurmurHash3: its rounds, and its finalizer `fmix32`, here over UTF-16 code units.
 */
export function seedState(seed: number, labels: readonly (string | number)[]): [number, number, number, number] {
  const lanes: [number, number, number, number] = [...multipliers]
  absorbNumber(lanes, seed)
  for (const label of labels) {
    if (typeof label === 'number') {
      absorb(lanes, numberMark)
      absorbNumber(lanes, label)
    } else {
      absorb(lanes, textMark ^ label.length)
      for (let i = 0; i < label.length; i++) absorb(lanes, label.charCodeAt(i))
    }
  }
  // Every lane is mixed into every other, twice, so that each output bit depends on all input.
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < 4; i++)
      lanes[i] = finalize(lanes[i]! + lanes[(i + 1) & 3]! + Math.imul(lanes[(i + 2) & 3]!, multipliers[i]!))
  }
  return lanes
}

function absorbNumber(lanes: number[], value: number): void {
  double.setFloat64(0, value)
  absorb(lanes, double.getInt32(0))
  absorb(lanes, double.getInt32(4))
}

function absorb(lanes: number[], word: number): void {
  for (let i = 0; i < 4; i++) {
    const scrambled = Math.imul(word, multipliers[i]!)
    const mixed = lanes[i]! ^ Math.imul((scrambled << 15) | (scrambled >>> 17), multipliers[(i + 1) & 3]!)
    lanes[i] = (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
  }
}

function finalize(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
