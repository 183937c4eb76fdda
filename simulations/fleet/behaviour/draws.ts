import { log, randomStream } from '../../../sdk/index.ts'

/** A number in (0, 1) of a device and a count: an odd multiple of 2⁻³³, the same at each call. */
export type DeviceDraws = (device: number, count: number) => number

/**
 * Draws that are hashed from (seed, label, device, count), where streams would have to be kept for each device. Draws of
 * different labels, devices or counts are independent.
 *
 * @see Wellons, Prospecting for hash functions, 2018: `mixed` is one of the best functions of two rounds that were found.
 */
export function deviceDraws(seed: number, ...labels: readonly string[]): DeviceDraws {
  const { keyOf, draw } = deviceKeys(seed, ...labels)
  return (device, count) => draw(keyOf(device), count)
}

/** The same draws in two steps, for several draws of one device. */
export function deviceKeys(seed: number, ...labels: readonly string[]) {
  const keys = randomStream(seed, 'behaviour', ...labels)
  const first = keys.uint32() | 0
  const second = keys.uint32() | 0
  return {
    keyOf: (device: number) => mixed(device ^ first),
    // The count is mixed by itself, so that no device's draws are those of another device from another count on.
    draw: (key: number, count: number) =>
      ((mixed(key ^ mixed(Math.imul(count, 0x9e3779b1) ^ second)) >>> 0) + 0.5) * 2 ** -32,
  }
}

function mixed(word: number): number {
  let hash = word
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad)
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97)
  return hash ^ (hash >>> 15)
}

/** The number below which an exponential draw of mean 1 lies with probability `p`. */
export function exponentialQuantile(p: number): number {
  return -log(1 - p)
}

export const secondMs = 1_000
export const hourMs = 3_600_000
export const dayMs = 86_400_000
