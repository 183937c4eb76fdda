import { randomStream } from 'flame-fl/sdk'

/** Width and height of a digit in pixels. */
export const side = 16

/** The lit bars of a digit on a display with seven: top, upper left, upper right, middle, lower left, lower right, bottom. */
const bars = [
  '1110111',
  '0010010',
  '1011101',
  '1011011',
  '0111010',
  '1101011',
  '1101111',
  '1010010',
  '1111111',
  '1111011',
]

/** Each bar as left, top, width and height. */
const places = [
  [4, 2, 8, 2],
  [3, 3, 2, 5],
  [11, 3, 2, 5],
  [4, 7, 8, 2],
  [3, 8, 2, 5],
  [11, 8, 2, 5],
  [4, 12, 8, 2],
] as const

/** Digits that look drawn: each is moved by a pixel or none, and its strokes are uneven. The same seed gives the same digits. */
export function madeDigits({ seed, each }: { readonly seed: number; readonly each: number }) {
  const random = randomStream(seed, 'digits')
  const labels = Uint8Array.from({ length: 10 * each }, (_, index) => index % 10)
  const features = new Uint8Array(labels.length * side * side)
  for (const [index, label] of labels.entries()) {
    const [right, down] = [Math.floor(random.uniform() * 3) - 1, Math.floor(random.uniform() * 3) - 1]
    for (const [bar, [left, top, width, height]] of places.entries()) {
      if (bars[label]?.[bar] !== '1') continue
      for (let y = top; y < top + height; y++)
        for (let x = left; x < left + width; x++)
          features[index * side * side + (y + down) * side + x + right] = 160 + Math.floor(random.uniform() * 96)
    }
  }
  return { features, labels, shape: [side, side, 1] }
}
